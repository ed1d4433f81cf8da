/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest-days that a plan simulates in a minute of one processor, on a fleet near the border of its
 * host, where most happens; and how much sooner two threads are done than one. Ten thousand
 * guest-days are to take minutes.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "sim/plan_impl.h"

/* Ten minutes for ten thousand. */
#define LEAST_A_MINUTE 1000.0

/* Of as many threads as there are processors: at least so much of what would be ideal. */
#define LEAST_SCALING 0.7

#define JOBS_MAX 8u
#define GUESTS   27u

static double now(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool goal(const char *name, double value, double least)
{
    bool met = value >= least;

    printf("goal %s: %.2f (at least %.2f) %s\n", name, value, least, met ? "met" : "missed");
    return met;
}

struct day {
    struct plan_setup setup;
    double guest_days;
};

static void simulate(void *data, void *user_data)
{
    struct day *day = data;
    struct plan_trial trial;

    (void)user_data;
    day->guest_days = plan_try(&day->setup, GUESTS, true, &trial);
}

/* Wall-clock seconds of as many days, by as many threads. */
static double run_days(struct day *days, unsigned n, unsigned jobs)
{
    double begin = now(CLOCK_MONOTONIC);
    GThreadPool *pool = g_thread_pool_new(simulate, NULL, (int)jobs, TRUE, NULL);

    for (unsigned i = 0; i < n; i++)
        (void)g_thread_pool_push(pool, &days[i], NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
    return now(CLOCK_MONOTONIC) - begin;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : BENCH_FLEET;
    g_autoptr(GError) error = NULL;
    struct fleet *f = fleet_load(path, &error);
    unsigned jobs = MIN(g_get_num_processors(), JOBS_MAX);
    struct day days[JOBS_MAX] = {0};
    struct plan_question q = {.fleet = f,
                              .costs = sim_costs_default(),
                              .slowdown = 0.02,
                              .percentile = 0.99,
                              .seeds = JOBS_MAX,
                              .days = 1};
    double cpu, one, all;
    bool met;

    if (!f) {
        fprintf(stderr, "bench-plan: %s\n", error->message);
        return 1;
    }
    q.capacity = f->host.memory - f->host.reserve;
    /* What guests do alone is simulated once for many trials: before the measurement. */
    for (unsigned i = 0; i < jobs; i++) {
        struct plan_alone_guest guest;

        days[i].setup =
            (struct plan_setup){.question = &q, .alone = plan_alone_new(&q, i), .seed = i};
        plan_alone_look(days[i].setup.alone, GUESTS - 1, &guest);
    }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    one = run_days(days, jobs, 1);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    all = run_days(days, jobs, jobs);
    printf("%u fleets of %u guests, a day each: %.2f s by one thread, %.2f s by %u\n", jobs, GUESTS,
           one, all, jobs);
    met = goal("guest-days-a-minute", jobs * days[0].guest_days / cpu * 60, LEAST_A_MINUTE);
    met &= goal("scaling", one / all / jobs, LEAST_SCALING);
    for (unsigned i = 0; i < jobs; i++)
        plan_alone_free(days[i].setup.alone);
    fleet_free(f);
    return met ? 0 : 1;
}
