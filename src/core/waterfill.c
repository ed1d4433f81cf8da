/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: at level L guest i holds target_i(L) = clamp(inverse_cost_i(L * shares_i), lo_i, hi_i).
 * Each of these, and so their sum, grows with L and is linear between breakpoints: the levels at
 * which some guest leaves lo, uses up its active memory (from there on a byte costs k), or reaches
 * hi. The level sought lies between two neighbouring breakpoints, found by bisection over the
 * sorted list; in between it is the solution of one linear equation.
 *
 * Every evaluation sums over all guests afresh, so no rounding error accumulates over the
 * breakpoints. What the final rounding to bytes leaves over (less than a byte per guest) is handed
 * out evenly.
 */
#include "core/waterfill.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/units.h"

static double cost(const struct waterfill_guest *g, uint64_t bytes, double k)
{
    return (double)u64_min(bytes, g->active) + k * (double)u64_sub(bytes, g->active);
}

double waterfill_idle_cost(double tax)
{
    assert(tax >= 0 && tax < 1);
    return 1 / (1 - tax);
}

double waterfill_level(const struct waterfill_guest *g, uint64_t bytes, double tax)
{
    return cost(g, bytes, waterfill_idle_cost(tax)) / g->shares;
}

/* Bytes that a guest holds at level @level, before rounding. */
static double holds(const struct waterfill_guest *g, double level, double k)
{
    double active = (double)g->active, budget = level * g->shares;
    double bytes = budget <= active ? budget : active + (budget - active) / k;

    if (bytes < (double)g->lo)
        return (double)g->lo;
    return bytes > (double)g->hi ? (double)g->hi : bytes;
}

static double holds_sum(const struct waterfill_guest *guests, size_t n, double level, double k)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += holds(&guests[i], level, k);
    return sum;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static size_t collect_breakpoints(const struct waterfill_guest *guests, size_t n, double k,
                                  double *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        const struct waterfill_guest *g = &guests[i];

        assert(g->shares > 0 && g->lo <= g->hi);
        if (g->lo == g->hi)
            continue; /* holds the same at every level */
        ret[count++] = cost(g, g->lo, k) / g->shares;
        if (g->active > g->lo && g->active < g->hi)
            ret[count++] = (double)g->active / g->shares;
        ret[count++] = cost(g, g->hi, k) / g->shares;
    }
    qsort(ret, count, sizeof(*ret), compare_double);
    return count;
}

/* The level at which the guests hold @available together; the breakpoints embrace it. */
static double find_level(const struct waterfill_guest *guests, size_t n, double available, double k,
                         const double *breakpoints, size_t count)
{
    size_t below = 0, above = count - 1;

    while (above - below > 1) {
        size_t middle = below + (above - below) / 2;

        if (holds_sum(guests, n, breakpoints[middle], k) <= available)
            below = middle;
        else
            above = middle;
    }
    double from = holds_sum(guests, n, breakpoints[below], k);
    double to = holds_sum(guests, n, breakpoints[above], k);

    if (to <= from)
        return breakpoints[below];
    return breakpoints[below] +
           (breakpoints[above] - breakpoints[below]) * (available - from) / (to - from);
}

/* Moves the sum of the targets by what rounding left over, a few bytes a guest, within the bounds.
 */
static void settle_rounding(struct waterfill_guest *guests, size_t n, uint64_t sum,
                            uint64_t available)
{
    while (sum != available) {
        bool more = available > sum;
        uint64_t rest = more ? available - sum : sum - available;
        uint64_t each = rest / n + 1;

        for (size_t i = 0; i < n && rest > 0; i++) {
            struct waterfill_guest *g = &guests[i];
            uint64_t room = more ? g->hi - g->target : g->target - g->lo;
            uint64_t step = u64_min(u64_min(each, rest), room);

            g->target = more ? g->target + step : g->target - step;
            rest -= step;
        }
        sum = more ? available - rest : available + rest;
    }
}

int waterfill(struct waterfill_guest *guests, size_t n, uint64_t available, double tax)
{
    double k = waterfill_idle_cost(tax);
    uint64_t lo_sum = 0, hi_sum = 0;

    for (size_t i = 0; i < n; i++) {
        lo_sum += guests[i].lo;
        hi_sum += guests[i].hi;
    }
    if (available <= lo_sum || available >= hi_sum) {
        for (size_t i = 0; i < n; i++)
            guests[i].target = available <= lo_sum ? guests[i].lo : guests[i].hi;
        return 0;
    }

    double *breakpoints = malloc(3 * n * sizeof(*breakpoints));
    if (!breakpoints)
        return -ENOMEM;
    size_t count = collect_breakpoints(guests, n, k, breakpoints);
    double level = find_level(guests, n, (double)available, k, breakpoints, count);
    free(breakpoints);

    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        guests[i].target =
            u64_clamp((uint64_t)holds(&guests[i], level, k), guests[i].lo, guests[i].hi);
        sum += guests[i].target;
    }
    settle_rounding(guests, n, sum, available);
    return 0;
}
