/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the host looks for identical pages, on a model of the kernel's scanner. */
#include <glib.h>

#include "core/share.h"

/* Processor time of a page that is only looked at, and of one that is merged: microseconds. */
#define LOOK_COST  7.0
#define MERGE_COST 20.0

/* ksmd and the guests' memory: @same of @eligible pages have their like. New memory needs two
 * visits, and the first is in the round after the present one. */
struct model {
    struct share *share;
    struct share_observation seen;
    struct share_decision decision;
    usec_t now;
    uint64_t cursor, same, fresh; /* fresh: pages in @same not merged yet */
    unsigned visits;              /* full rounds since the memory was new */
    bool silent;                  /* an old kernel: does not count what it scans */
    double cpu;                   /* microseconds */
};

static void model_init(struct model *m, uint64_t eligible, uint64_t same)
{
    struct share_params params = share_params_default();

    *m = (struct model){
        .share = share_new(&params), .now = 1000 * USEC_PER_SEC, .same = same, .fresh = same};
    m->seen = (struct share_observation){.allowed = true, .eligible = eligible};
}

static void model_deinit(struct model *m)
{
    share_free(m->share);
}

static void scan_page(struct model *m)
{
    bool merged = m->visits >= 2 && m->fresh > 0;

    m->cpu += merged ? MERGE_COST : LOOK_COST;
    if (merged) {
        m->fresh--;
        m->seen.sharing++;
    }
    if (!m->silent)
        m->seen.scanned++;
    if (++m->cursor >= m->seen.eligible) {
        m->cursor = 0;
        m->visits++;
        m->seen.full_scans++;
    }
}

/* One second under the last decision. */
static void model_second(struct model *m)
{
    const struct share_decision *d = &m->decision;
    double left = (double)USEC_PER_SEC;

    while (d->run && left > 0) {
        double before = m->cpu;

        for (uint64_t i = 0; i < d->pages_to_scan; i++)
            scan_page(m);
        left -= m->cpu - before + (double)d->sleep_msec * (double)USEC_PER_MSEC;
    }
    m->now += USEC_PER_SEC;
    m->seen.cpu = (usec_t)m->cpu;
    m->decision = share_decide(m->share, &m->seen, m->now);
}

static void model_run(struct model *m, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++)
        model_second(m);
}

/* The most that was used in a second of @seconds. */
static double model_run_cpu(struct model *m, unsigned seconds)
{
    double most = 0;

    for (unsigned i = 0; i < seconds; i++) {
        double before = m->cpu;

        model_second(m);
        most = MAX(most, (m->cpu - before) / (double)USEC_PER_SEC);
    }
    return most;
}

/* Five guests of 256 MiB, 60 % of them alike: one of five copies stays. */
#define FIVE      (5 * 65536)
#define FIVE_SAME (FIVE * 6 / 10 * 4 / 5)

static void test_merges_in_every_state(void)
{
    for (int state = 0; state < HOST_STATE_MAX; state++) {
        struct model m;

        model_init(&m, FIVE, FIVE_SAME);
        m.seen.state = (enum host_state)state;
        model_run(&m, 120);
        g_assert_cmpuint(m.seen.sharing, >=, FIVE_SAME * 9 / 10);
        model_deinit(&m);
    }
}

static void test_steps_back_when_there_is_nothing(void)
{
    for (int state = 0; state < HOST_STATE_MAX; state++) {
        struct model m;

        model_init(&m, FIVE, 0);
        m.seen.state = (enum host_state)state;
        model_second(&m);
        g_assert_cmpint(m.decision.reason, ==,
                        state >= HOST_SOFT ? SHARE_PRESSURE : SHARE_FIRST_LOOK);
        model_run(&m, 59);
        g_assert_cmpuint(m.seen.full_scans, ==, 3);
        g_assert_cmpint(m.decision.reason, ==, SHARE_NOTHING);
        g_assert_false(m.decision.run);
        g_assert_cmpfloat(m.decision.rate, ==, 0);
        model_deinit(&m);
    }
}

/* What is merged stays so without scanning. */
static void test_steps_back_when_all_is_found(void)
{
    struct model m;

    model_init(&m, FIVE, FIVE_SAME);
    model_run(&m, 400);
    g_assert_cmpuint(m.fresh, ==, 0);
    g_assert_false(m.decision.run);
    model_deinit(&m);
}

static unsigned looks_in(struct model *m, unsigned seconds)
{
    unsigned looks = 0;

    for (unsigned i = 0; i < seconds; i++) {
        bool ran = m->decision.run;

        model_second(m);
        looks += !ran && m->decision.run;
    }
    return looks;
}

static void test_pauses_double(void)
{
    struct model m;
    unsigned first, later;

    model_init(&m, FIVE, 0);
    first = looks_in(&m, 1800);
    (void)looks_in(&m, 4 * 3600);
    later = looks_in(&m, 4 * 3600);
    g_assert_cmpuint(first, >=, 4);
    g_assert_cmpuint(first, <=, 6);
    g_assert_cmpuint(later, >=, 3);
    g_assert_cmpuint(later, <=, 4);
    model_deinit(&m);
}

static void test_looks_often_while_the_host_is_short(void)
{
    struct model m;

    model_init(&m, FIVE, 0);
    model_run(&m, 3 * 3600);
    m.seen.state = HOST_SOFT;
    g_assert_cmpuint(looks_in(&m, 600), >=, 5);
    model_deinit(&m);
}

static void test_new_memory_is_looked_at_once(void)
{
    struct model m;

    model_init(&m, FIVE, 0);
    model_run(&m, 3600); /* a long pause by now */
    while (m.decision.run)
        model_second(&m);
    m.seen.eligible += FIVE / 5;
    m.same = m.fresh = FIVE / 10;
    m.visits = 0;
    model_second(&m);
    g_assert_cmpint(m.decision.reason, ==, SHARE_FIRST_LOOK);
    model_run(&m, 90);
    g_assert_cmpuint(m.fresh, ==, 0);
    model_deinit(&m);
}

/* Memory that was given away and comes back is new. */
static void test_returned_memory_is_new(void)
{
    struct model m;

    model_init(&m, FIVE, 0);
    model_run(&m, 3600);
    while (m.decision.run)
        model_second(&m);
    m.seen.eligible -= FIVE / 5;
    model_second(&m);
    g_assert_false(m.decision.run);
    m.seen.eligible += FIVE / 5;
    model_second(&m);
    g_assert_cmpint(m.decision.reason, ==, SHARE_FIRST_LOOK);
    model_deinit(&m);
}

/* Counters are put right where much of what is merged was written to, or has ended; a little does
 * not matter, nor where nothing is merged. */
static void test_stale_counters(void)
{
    struct model m;

    model_init(&m, FIVE, FIVE_SAME);
    model_run(&m, 400);
    while (m.decision.run)
        model_second(&m);
    m.seen.broken += FIVE_SAME / 100;
    model_second(&m);
    g_assert_false(m.decision.run);
    g_assert_cmpuint(m.decision.stale, ==, FIVE_SAME / 100);
    m.seen.broken += FIVE_SAME / 10;
    model_second(&m);
    g_assert_cmpint(m.decision.reason, ==, SHARE_NEXT_LOOK);
    model_run(&m, 300);
    g_assert_false(m.decision.run);
    g_assert_cmpuint(m.decision.stale, ==, 0);

    m.seen.eligible -= FIVE / 5; /* a guest ends */
    model_second(&m);
    g_assert_true(m.decision.run);
    model_deinit(&m);
}

/* Few pages more or less are not. */
static void test_noise_is_not_new(void)
{
    struct model m;

    model_init(&m, FIVE, 0);
    model_run(&m, 60);
    g_assert_false(m.decision.run);
    for (unsigned i = 0; i < 20; i++) {
        m.seen.eligible = FIVE + (i % 2) * FIVE / 50;
        model_second(&m);
        g_assert_false(m.decision.run);
    }
    model_deinit(&m);
}

static void test_processor_time_is_bounded(void)
{
    struct share_params params = share_params_default();
    struct model m;

    for (int state = 0; state < HOST_STATE_MAX; state++) {
        model_init(&m, 100 * FIVE, 100 * FIVE_SAME);
        m.seen.state = (enum host_state)state;
        model_run(&m, 10); /* until it has learnt what a page costs */
        g_assert_cmpfloat(model_run_cpu(&m, 600), <=, params.cpu_max * 1.25);
        model_deinit(&m);
    }
}

/* At rest, where pages keep turning up, it stays with its small share of the processor. */
static void test_rests_in_high(void)
{
    struct share_params params = share_params_default();
    struct model m;
    double rested, rest_cpu;

    model_init(&m, FIVE, FIVE_SAME);
    model_run(&m, 60);
    m.fresh = FIVE * 10; /* whatever is merged, there is more */
    model_run(&m, 5);
    g_assert_cmpint(m.decision.reason, ==, SHARE_FINDING);
    rest_cpu = model_run_cpu(&m, 30);
    g_assert_cmpfloat(rest_cpu, <=, params.cpu_rest * 1.5);
    rested = m.decision.rate;
    m.seen.state = HOST_LOW;
    model_run(&m, 2);
    g_assert_cmpint(m.decision.reason, ==, SHARE_PRESSURE);
    g_assert_cmpfloat(m.decision.rate, >=, 3 * rested);
    model_deinit(&m);
}

static void test_not_allowed(void)
{
    struct model m;

    model_init(&m, FIVE, FIVE_SAME);
    m.seen.allowed = false;
    model_run(&m, 3);
    g_assert_false(m.decision.run);
    g_assert_cmpint(m.decision.reason, ==, SHARE_OFF);
    m.seen.allowed = true;
    model_second(&m);
    g_assert_true(m.decision.run);
    m.seen.allowed = false;
    model_second(&m);
    g_assert_false(m.decision.run);
    model_deinit(&m);
}

/* Linux before 6.6 does not count what is scanned. */
static void test_old_kernel(void)
{
    struct share_params params = share_params_default();
    struct model m;

    model_init(&m, FIVE, FIVE_SAME);
    m.silent = true;
    g_assert_cmpfloat(model_run_cpu(&m, 120), <=, params.cpu_max * 1.25);
    g_assert_cmpuint(m.seen.sharing, >=, FIVE_SAME * 9 / 10);
    model_deinit(&m);
}

static void test_saved(void)
{
    g_assert_cmpuint(share_saved(0, 0, 0), ==, 0);
    g_assert_cmpuint(share_saved(500, 0, 0), ==, 0);
    /* Five times the same 100 pages: each guest saves four fifths of its own. */
    for (int i = 0; i < 5; i++)
        g_assert_cmpuint(share_saved(100, 100, 400), ==, 80);
    g_assert_cmpuint(share_saved(1000, 100, 400), ==, 400);
}

static void test_names(void)
{
    struct share_observation seen = {.eligible = 10};
    char text[256];

    for (int i = 0; i < SHARE_REASON_MAX; i++) {
        struct share_decision d = {.reason = (enum share_reason)i};

        g_assert_nonnull(share_reason_name((enum share_reason)i));
        g_assert_nonnull(strstr(share_text(&d, &seen, text, sizeof(text)), "of 10 pages"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/merges-in-every-state", test_merges_in_every_state);
    g_test_add_func("/share/steps-back-for-nothing", test_steps_back_when_there_is_nothing);
    g_test_add_func("/share/steps-back-when-all-is-found", test_steps_back_when_all_is_found);
    g_test_add_func("/share/pauses-double", test_pauses_double);
    g_test_add_func("/share/looks-often-when-short", test_looks_often_while_the_host_is_short);
    g_test_add_func("/share/new-memory", test_new_memory_is_looked_at_once);
    g_test_add_func("/share/returned-memory", test_returned_memory_is_new);
    g_test_add_func("/share/stale-counters", test_stale_counters);
    g_test_add_func("/share/noise", test_noise_is_not_new);
    g_test_add_func("/share/processor-time", test_processor_time_is_bounded);
    g_test_add_func("/share/rests-in-high", test_rests_in_high);
    g_test_add_func("/share/not-allowed", test_not_allowed);
    g_test_add_func("/share/old-kernel", test_old_kernel);
    g_test_add_func("/share/saved", test_saved);
    g_test_add_func("/share/names", test_names);
    return g_test_run();
}
