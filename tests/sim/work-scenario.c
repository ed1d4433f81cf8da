/* SPDX-License-Identifier: Apache-2.0 */
/* Orders to the guest program as simulated work. */
#include "sim/work_scenario.h"

#include <math.h>

#define OFFSET (5 * USEC_PER_SEC)

/* Round figures: 100 MiB/s, 10000 touches a second. */
static const struct sim_costs costs = {
    .fill_rate = 100 * MIB,
    .touch_usec = 100,
    .write_usec = 50,
    .file_reread_usec = 50,
};

static struct work work_of(const char *const *lines)
{
    struct scenario_guest *g = scenario_guest_new("web");
    struct work work;

    g->size = GIB;
    for (; *lines; lines++) {
        g_autoptr(GError) error = NULL;
        struct phase p;

        g_assert_true(phase_parse(*lines, false, &p, &error));
        g_assert_no_error(error);
        g_array_append_val(g->phases, p);
    }
    work_of_scenario(g, &costs, OFFSET, &work);
    scenario_guest_free(g);
    return work;
}

static void test_touch(void)
{
    static const char *const lines[] = {"at 2s touch 100M ops=4000 writes=0.2",
                                        "at 4s touch 50M skew=0.8 threads=2", NULL};
    struct work w = work_of(lines);

    /* Until its first order it rests. */
    g_assert_cmpuint(w.n, ==, 3);
    g_assert_cmpuint(w.steps[0].at, ==, 0);
    g_assert_cmpuint(w.steps[0].own, ==, 0);
    g_assert_cmpfloat_with_epsilon(w.steps[0].demand, 0, 1e-9);

    g_assert_cmpuint(w.steps[1].at, ==, OFFSET + 2 * USEC_PER_SEC);
    g_assert_cmpuint(w.steps[1].own, ==, 100 * MIB);
    g_assert_cmpfloat_with_epsilon(w.steps[1].demand, 4000 * 110e-6, 1e-9);
    g_assert_cmpfloat_with_epsilon(w.steps[1].ops, 4000, 1e-9);
    g_assert_cmpuint(w.steps[1].anon[0].bytes, ==, 100 * MIB);
    g_assert_cmpfloat_with_epsilon(w.steps[1].anon[0].interval, 25600 / 4000.0, 1e-6);
    g_assert_true(w.steps[1].counts);

    /* As fast as it goes, on the one processor that there is; nothing is given back. */
    g_assert_cmpuint(w.steps[2].own, ==, 100 * MIB);
    g_assert_cmpfloat_with_epsilon(w.steps[2].ops, 10000, 1e-9);
    g_assert_cmpfloat_with_epsilon(w.steps[2].demand, 1, 1e-9);
    g_assert_cmpuint(w.steps[2].threads, ==, 2);
    g_assert_cmpuint(w.steps[2].anon[1].bytes, >, 0);
    work_clear(&w);
}

/* An order ends the one before it: what was not reached is not owned. */
static void test_fill(void)
{
    static const char *const lines[] = {"at 0 fill 400M rate=20M zero", "at 5s idle",
                                        "at 10s fill 200M", "at 20s free 40M", NULL};
    struct work w = work_of(lines);

    g_assert_cmpuint(w.n, ==, 5);
    g_assert_cmpuint(w.steps[1].own, ==, 400 * MIB);
    g_assert_cmpuint(w.steps[1].fill_rate, ==, 20 * MIB);
    g_assert_cmpfloat_with_epsilon(w.steps[1].content.zero, 1, 1e-9);
    g_assert_cmpuint(w.steps[2].own, ==, 100 * MIB);
    g_assert_cmpuint(w.steps[3].own, ==, 200 * MIB);
    g_assert_cmpfloat_with_epsilon(w.steps[3].content.zero, 0.5, 1e-9);
    g_assert_cmpuint(w.steps[4].own, ==, 40 * MIB);
    work_clear(&w);
}

static void test_verify(void)
{
    static const char *const lines[] = {"at 0 fill 400M mixed rate=100M", "at 10s verify",
                                        "at 100s idle", NULL};
    struct work w = work_of(lines);
    double pass = 400 * 256 / 10000.0;

    g_assert_cmpuint(w.n, ==, 5);
    g_assert_cmpfloat_with_epsilon(w.steps[2].anon[0].interval, pass, 1e-6);
    g_assert_cmpfloat_with_epsilon(w.steps[2].content.zero, 0.25, 1e-9);
    g_assert_cmpfloat_with_epsilon(w.steps[2].content.ratio, 0.3, 1e-9);
    g_assert_false(w.steps[2].counts);
    /* Then it rests. */
    g_assert_cmpfloat_with_epsilon((double)(w.steps[3].at - w.steps[2].at) / 1e6, 3 * pass, 1e-3);
    g_assert_cmpuint(w.steps[3].anon[0].bytes, ==, 0);
    g_assert_cmpuint(w.steps[3].own, ==, 400 * MIB);
    work_clear(&w);
}

static void test_files(void)
{
    static const char *const lines[] = {"at 0 fill 10M",          "at 8s free",
                                        "at 8s stream 100M once", "at 8s drop-caches",
                                        "at 9s stream 200M",      NULL};
    struct work w = work_of(lines);

    /* What is done once at one time is not lost. */
    g_assert_cmpuint(w.n, ==, 4);
    g_assert_cmpuint(w.steps[2].own, ==, 0);
    g_assert_cmpuint(w.steps[2].cold_cache, ==, 100 * MIB);
    g_assert_true(w.steps[2].drop_caches);
    g_assert_cmpuint(w.steps[3].stream, ==, 200 * MIB);
    g_assert_cmpfloat_with_epsilon(w.steps[3].ops, 20000, 1e-9);
    work_clear(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/work-scenario/touch", test_touch);
    g_test_add_func("/work-scenario/fill", test_fill);
    g_test_add_func("/work-scenario/verify", test_verify);
    g_test_add_func("/work-scenario/files", test_files);
    return g_test_run();
}
