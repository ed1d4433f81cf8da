/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ideal moves a byte only when somebody needs one. A guest keeps what it has ever touched (the
 * host cannot see that it was freed), so room is made by a balloon; and the balloon must first
 * swallow what the guest never touched, which frees nothing: hence lowering a guest to H bytes
 * moves granted - H, and guests that are ballooned already are lowered first.
 */
#include "scenario/oracle.h"

#include <stdbool.h>

#include "core/units.h"

static uint64_t demand(const struct oracle_guest *g)
{
    return u64_min(g->need, g->size);
}

static uint64_t surplus(const struct oracle_guest *g)
{
    return u64_sub(g->held, demand(g));
}

/* Is @a to be lowered before @b? */
static bool before(const struct oracle_guest *a, const struct oracle_guest *b)
{
    bool a_ballooned = a->granted < a->size, b_ballooned = b->granted < b->size;

    if (a_ballooned != b_ballooned)
        return a_ballooned;
    return surplus(a) > surplus(b);
}

static struct oracle_guest *next_donor(struct oracle_guest *guests, size_t n)
{
    struct oracle_guest *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (surplus(&guests[i]) > 0 && (!best || before(&guests[i], best)))
            best = &guests[i];
    return best;
}

/* Sets granted to @to and returns how far that was. */
static uint64_t grant(struct oracle_guest *g, uint64_t to)
{
    uint64_t moved = to > g->granted ? to - g->granted : g->granted - to;

    g->granted = to;
    return moved;
}

uint64_t oracle_step(struct oracle_guest *guests, size_t n, uint64_t available)
{
    uint64_t sum = 0, moved = 0;
    struct oracle_guest *donor;

    for (size_t i = 0; i < n; i++) {
        guests[i].held = u64_max(guests[i].held, demand(&guests[i]));
        sum += guests[i].held;
    }
    while (sum > available && (donor = next_donor(guests, n))) {
        uint64_t take = u64_min(surplus(donor), sum - available);

        donor->held -= take;
        sum -= take;
        moved += grant(donor, donor->held);
    }
    for (size_t i = 0; i < n; i++) {
        if (sum > available) /* the needs do not fit: everybody gives the same part */
            guests[i].held = (uint64_t)((double)guests[i].held * ((double)available / (double)sum));
        if (guests[i].granted < guests[i].held || sum > available)
            moved += grant(&guests[i], guests[i].held);
    }
    return moved;
}

static double fill(struct oracle_share *guests, size_t n, double level)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double want = level * guests[i].shares;

        guests[i].target = want >= (double)guests[i].hi
                               ? guests[i].hi
                               : u64_clamp((uint64_t)want, guests[i].lo, guests[i].hi);
        sum += (double)guests[i].target;
    }
    return sum;
}

void oracle_split(struct oracle_share *guests, size_t n, uint64_t available)
{
    double low = 0, high = 0;

    for (size_t i = 0; i < n; i++) {
        double full = (double)guests[i].hi / guests[i].shares;

        high = full > high ? full : high;
    }
    /* 64 halvings leave less than a byte of any level. */
    for (int i = 0; i < 64; i++) {
        double middle = (low + high) / 2;

        if (fill(guests, n, middle) > (double)available)
            high = middle;
        else
            low = middle;
    }
    fill(guests, n, low);
}
