/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: on a host so small that they take seconds. */
#include "sim/plan.h"

#include <string.h>

#include "sim/plan_impl.h"
#include "sim/trace.h"

/* Guests that hold a quarter of their memory, and at some time of the recording most of it. */
static struct trace *recording(void)
{
    struct trace *t = g_new0(struct trace, 1);

    t->n = 3;
    t->length = 30 * PLAN_MINUTE;
    t->guests = g_new0(struct sim_guest_spec, t->n);
    for (unsigned g = 0; g < t->n; g++) {
        t->guests[g] = (struct sim_guest_spec){.name = "recorded",
                                               .size = GIB,
                                               .pager = true,
                                               .swap = GIB / 4,
                                               .vcpus = 1,
                                               .end = USEC_NEVER};
        for (unsigned i = 0; i < 2; i++) {
            uint64_t own = i ? 700 * MIB : 200 * MIB;
            struct work_step step = {.at = i * (10 + g) * PLAN_MINUTE,
                                     .own = own,
                                     .content = {.compressible = 0.5, .ratio = 0.5},
                                     .anon = {{.bytes = own / 2, .interval = 5}},
                                     .demand = 0.8,
                                     .ops = 1,
                                     .threads = 1,
                                     .counts = true};

            work_append(&t->guests[g].work, &step);
        }
    }
    return t;
}

static void recording_free(struct trace *t)
{
    for (unsigned g = 0; g < t->n; g++)
        work_clear(&t->guests[g].work);
    g_free(t->guests);
    g_free(t);
}

static struct plan_question question_of(const struct fleet *f)
{
    return (struct plan_question){.fleet = f,
                                  .costs = sim_costs_default(),
                                  .capacity = 4 * GIB,
                                  .slowdown = 0.02,
                                  .percentile = 0.99,
                                  .seeds = 2,
                                  .days = 1,
                                  .jobs = 1,
                                  .first_seed = 1};
}

static void assert_same(const struct plan *a, const struct plan *b)
{
    for (enum plan_means m = 0; m < PLAN_MEANS_MAX; m++) {
        g_assert_cmpuint(a->answers[m].n, ==, b->answers[m].n);
        g_assert_cmpmem(a->answers[m].guests, sizeof(a->answers[m].guests), b->answers[m].guests,
                        sizeof(b->answers[m].guests));
    }
    for (unsigned i = 0; i < PLAN_POINTS; i++) {
        g_assert_cmpfloat(a->sweep[i].mean, ==, b->sweep[i].mean);
        g_assert_cmpfloat(a->sweep[i].slow, ==, b->sweep[i].slow);
        g_assert_cmpfloat(a->sweep[i].lost[PLAN_BY_HOST_SWAP], ==,
                          b->sweep[i].lost[PLAN_BY_HOST_SWAP]);
    }
}

/* The same again, and with four threads. */
static void test_same_answer(void)
{
    struct trace *t = recording();
    struct fleet *f = fleet_of_trace(t, FLEET_SHIFT_PHASE);
    struct plan_question q = question_of(f);
    struct plan *one, *four;

    q.means = q.sweep = true;
    one = plan_make(&q);
    q.jobs = 4;
    four = plan_make(&q);
    assert_same(one, four);
    g_assert_cmpuint(one->without, ==, 4);
    g_assert_cmpuint(plan_answer_median(&one->answers[PLAN_DESCRIBED]), >, 4);
    /* Twice as many guests as fit do not do as well as four in five of them. */
    g_assert_cmpfloat(one->sweep[PLAN_POINTS - 1].mean, >, one->sweep[0].mean);
    plan_free(one);
    plan_free(four);
    fleet_free(f);
    recording_free(t);
}

/* A search ends between two numbers that it has seen, at most one part in a hundred apart. */
static void test_border(void)
{
    struct trace *t = recording();
    struct fleet *f = fleet_of_trace(t, FLEET_SHIFT_PHASE);
    struct plan_question q = question_of(f);
    struct plan_setup setup = {.question = &q, .alone = plan_alone_new(&q, 1), .seed = 1};
    struct plan_border border;
    struct plan_trial trial;

    plan_search(&setup, 5, 1.3, &border);
    g_assert_cmpuint(border.beyond.guests, ==, border.fits + 1);
    (void)plan_try(&setup, border.fits, true, &trial);
    g_assert_true(trial.fits);
    g_assert_false(trial.ended_early);
    (void)plan_try(&setup, border.fits + 1, true, &trial);
    g_assert_false(trial.fits);
    plan_alone_free(setup.alone);
    fleet_free(f);
    recording_free(t);
}

/* More memory never fits fewer guests, nor does a looser limit. */
static void test_monotonous(void)
{
    struct trace *t = recording();
    struct fleet *f = fleet_of_trace(t, FLEET_SHIFT_PHASE);
    struct plan_question q = question_of(f);
    unsigned before = 0;

    q.seeds = 1;
    for (unsigned i = 0; i < 3; i++) {
        struct plan *p;

        q.capacity = (4 + i) * GIB;
        p = plan_make(&q);
        g_assert_cmpuint(p->answers[0].guests[0], >=, before);
        before = p->answers[0].guests[0];
        plan_free(p);
    }
    q.slowdown = 0.5;
    struct plan *loose = plan_make(&q);

    g_assert_cmpuint(loose->answers[0].guests[0], >=, before);
    plan_free(loose);
    fleet_free(f);
    recording_free(t);
}

/* Against the binomial distribution with p = 1/2. */
static void test_interval(void)
{
    struct plan_answer a = {.n = 8};
    unsigned low, high;
    double probability;

    g_assert_true(plan_answer_interval(&a, 0.9, &low, &high, &probability));
    g_assert_cmpuint(low, ==, 1);
    g_assert_cmpuint(high, ==, 6);
    g_assert_cmpfloat(probability, ==, 1 - 18 / 256.0);
    a.n = 5;
    g_assert_true(plan_answer_interval(&a, 0.9, &low, &high, &probability));
    g_assert_cmpuint(low, ==, 0);
    g_assert_cmpfloat(probability, ==, 1 - 2 / 32.0);
    a.n = 4;
    g_assert_false(plan_answer_interval(&a, 0.9, &low, &high, &probability));
    a.n = 64;
    g_assert_true(plan_answer_interval(&a, 0.9, &low, &high, &probability));
    g_assert_cmpuint(low, ==, 24);
    g_assert_cmpuint(high, ==, 39);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/interval", test_interval);
    g_test_add_func("/plan/border", test_border);
    g_test_add_func("/plan/same-answer", test_same_answer);
    g_test_add_func("/plan/monotonous", test_monotonous);
    return g_test_run();
}
