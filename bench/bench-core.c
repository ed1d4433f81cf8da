/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processor time of one whole decision (bounds, split, balloon targets, rationing) for 10, 1,000
 * and 100,000 guests, with every guest observed anew before each, on a host that is short of
 * memory. The growth from one size to the next is a ratio inside one run, and so holds on a slow
 * machine too.
 */
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "core/policy.h"

#define RUNS 9

static const size_t sizes[] = {10, 1000, 100000};

/* Growth beyond n log n that is still put down to caches: 100,000 guests do not fit into one. */
#define GROWTH_SLACK 4.0

#define LIMIT_LARGEST_MSEC 100.0

static void observe_all(struct policy *p, struct policy_guest **guests, size_t n, GRand *rand,
                        usec_t now)
{
    for (size_t i = 0; i < n; i++) {
        struct guest_observation o = {
            .size = GIB,
            .resident = GIB / 2 + g_rand_int(rand) % (GIB / 2),
            .actual = GIB - g_rand_int(rand) % (GIB / 4),
            .balloon_device = true,
            .reachable = true,
            .running = true,
            .stats = GUEST_STATS_NONE,
        };

        o.stats.last_update = now / USEC_PER_SEC;
        o.stats.total = o.actual - 50 * MIB;
        o.stats.available = g_rand_int(rand) % (o.stats.total / 2);
        o.stats.swap_out = 1;
        (void)policy_guest_observe(p, guests[i], &o, now);
    }
}

static gint compare_double(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Processor time of this thread: what else runs on the machine is not the policy's. */
static double cpu_msec(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Median milliseconds of one decision. */
static double measure(size_t n)
{
    struct policy_params params = policy_params_default();
    struct policy *p = policy_new(&params);
    g_autofree struct policy_guest **guests = g_new(struct policy_guest *, n);
    GRand *rand = g_rand_new_with_seed(7);
    struct host_observation host = {.capacity = n * (GIB / 2), .free_measured = UINT64_MAX};
    double msec[RUNS];

    for (size_t i = 0; i < n; i++) {
        struct guest_settings settings = {.shares = 1 + g_rand_int(rand) % 20000};

        guests[i] = policy_guest_add(p, &settings, 0);
    }
    for (unsigned run = 0; run < RUNS; run++) {
        usec_t now = (10 + 2 * run) * USEC_PER_SEC;

        observe_all(p, guests, n, rand, now);
        double begin = cpu_msec();
        g_assert_cmpint(policy_decide(p, &host, now), ==, 0);
        msec[run] = cpu_msec() - begin;
        for (size_t i = 0; policy_decision(p, i); i++) {
            struct guest_view view;

            policy_guest_view(policy_decision(p, i), &view);
            policy_guest_target_sent(policy_decision(p, i), view.verdict.to, now);
        }
    }
    g_rand_free(rand);
    policy_free(p);
    qsort(msec, RUNS, sizeof(*msec), compare_double);
    return msec[RUNS / 2];
}

static bool goal(const char *name, double value, double limit, const char *unit)
{
    bool met = value <= limit;

    printf("goal %s: %.3f%s (limit %.3f%s) %s\n", name, value, unit, limit, unit,
           met ? "met" : "missed");
    return met;
}

int main(void)
{
    double msec[G_N_ELEMENTS(sizes)];
    bool met = true;

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        msec[i] = measure(sizes[i]);
        printf("decision for %zu guests: %.4f ms, %.0f ns a guest\n", sizes[i], msec[i],
               msec[i] * 1e6 / (double)sizes[i]);
    }
    double small = (double)sizes[1], large = (double)sizes[2];
    double n_log_n = large * log2(large) / (small * log2(small));

    met &= goal("decide-100000", msec[2], LIMIT_LARGEST_MSEC, " ms");
    met &= goal("decide-growth", msec[2] / msec[1] / n_log_n, GROWTH_SLACK, "");
    return met ? 0 : 1;
}
