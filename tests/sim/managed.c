/* SPDX-License-Identifier: Apache-2.0 */
/* The real policy over guests that obey, lie, or can't: what it must never let happen. */
#include "host.h"

/* Two that together need what there is, but for a little, and one that has it and does not need it.
 */
struct three {
    struct sim *s;
    unsigned idle, a, b;
};

static struct three three_new(const struct sim_guest_spec *idle_spec)
{
    struct three t = {.s = host_new(&MANAGER_AEROSTAT, 2250 * MIB, 4 * GIB)};
    struct work_step rests[] = {step_of(0, 700 * MIB, 700 * MIB, 1),
                                step_of(20 * SECOND, 50 * MIB, 50 * MIB, 1)};
    struct work_step works[] = {step_of(0, 100 * MIB, 100 * MIB, 1),
                                step_of(40 * SECOND, 750 * MIB, 750 * MIB, 2)};
    struct sim_guest_spec spec = guest_of("a", GIB);

    spec.swap = GIB;
    t.idle = add_guest(t.s, *idle_spec, rests, 2);
    t.a = add_guest(t.s, spec, works, 2);
    t.b = add_guest(t.s, spec, works, 2);
    return t;
}

/* How fast those who need memory get on at the end. */
static double worst_speed(const struct three *t)
{
    return fmin(now_of(t->s, t->a).speed, now_of(t->s, t->b).speed);
}

static void check_sane(const struct three *t)
{
    struct sim_host_result host;

    sim_host_result(t->s, &host);
    g_assert_cmpuint(host.kills, ==, 0);
    g_assert_cmpfloat(host.over_capacity, ==, 0);
    for (unsigned i = 0; i < sim_guests(t->s); i++) {
        g_assert_false(result_of(t->s, i).panicked);
        g_assert_cmpuint(result_of(t->s, i).oom_kills, ==, 0);
    }
}

static void run_with(const struct sim_guest_spec *spec, double at_least)
{
    struct three t = three_new(spec);

    sim_run(t.s, 240 * SECOND);
    check_sane(&t);
    g_assert_cmpfloat(worst_speed(&t), >, at_least);
    sim_free(t.s);
}

static struct sim_guest_spec idle_spec(bool pager)
{
    struct sim_guest_spec spec = guest_of("idle", GIB);

    spec.pager = pager;
    return spec;
}

static void test_obeys(void)
{
    struct sim_guest_spec spec = idle_spec(false);

    run_with(&spec, 0.95);
}

static void test_balloons(void)
{
    for (enum sim_balloon balloon = 0; balloon <= SIM_BALLOON_NO_DEVICE; balloon++) {
        struct sim_guest_spec spec = idle_spec(true);

        spec.balloon = balloon;
        run_with(&spec, 0.8);
    }
}

static void test_lies(void)
{
    for (enum sim_stats stats = 0; stats <= SIM_STATS_ABSURD; stats++) {
        struct sim_guest_spec spec = idle_spec(true);

        spec.stats = stats;
        run_with(&spec, 0.5);
    }
}

/* Dead, it leaves everything as it is; back, it goes on from there. */
static void test_restart(void)
{
    struct sim_guest_spec spec = idle_spec(false);
    struct three t = three_new(&spec);
    uint64_t granted;
    struct guest_view view;

    sim_run(t.s, 100 * SECOND);
    granted = now_of(t.s, t.idle).granted;
    g_assert_cmpuint(granted, <, 700 * MIB);
    sim_manager_off(t.s, true);
    g_assert_false(sim_guest_view(t.s, t.idle, &view));
    sim_run(t.s, 130 * SECOND);
    g_assert_cmpuint(now_of(t.s, t.idle).granted, ==, granted);
    sim_manager_off(t.s, false);
    sim_run(t.s, 140 * SECOND);
    g_assert_true(sim_guest_view(t.s, t.idle, &view));
    sim_run(t.s, 240 * SECOND);
    check_sane(&t);
    g_assert_cmpfloat(worst_speed(&t), >, 0.95);
    sim_free(t.s);
}

/* Who would have to be put out to let another in waits until there is room. */
static void test_admission(void)
{
    struct sim *s = host_new(&MANAGER_AEROSTAT, 2 * GIB, 4 * GIB);
    struct work_step step = step_of(0, 100 * MIB, 100 * MIB, 1);
    struct sim_guest_spec spec = guest_of("a", GIB);
    unsigned a, b;

    spec.settings.reservation = GIB;
    a = add_guest(s, spec, &step, 1);
    spec.start = 20 * SECOND;
    b = add_guest(s, spec, &step, 1);
    sim_run(s, 60 * SECOND);
    g_assert_true(result_of(s, a).started);
    g_assert_false(result_of(s, b).started);
    g_assert_cmpfloat(result_of(s, b).work_wanted, ==, 0);
    sim_end_guest(s, a);
    sim_run(s, 70 * SECOND);
    g_assert_true(result_of(s, b).started);
    g_assert_cmpfloat_with_epsilon(result_of(s, b).waited_to_start, 40, 1.5);
    sim_free(s);
}

/* It shares identical pages by itself, and stops looking where there are none. */
static void test_shares(void)
{
    struct sim *s = host_new(&MANAGER_AEROSTAT, 4 * GIB, 4 * GIB);
    struct work_step step = step_of(0, 500 * MIB, 100 * MIB, 1);
    struct sim_guest_spec spec = guest_of("a", GIB);
    struct sim_host_result host;

    spec.ram = SIM_RAM_PRIVATE;
    spec.share = true;
    step.content = (struct work_content){.identical = 0.8, .ratio = 1};
    for (unsigned i = 0; i < 3; i++)
        add_guest(s, spec, &step, 1);
    sim_run(s, 10 * SECOND);
    g_assert_cmpfloat(sim_scan_rate(s), >, 0);
    sim_run(s, 600 * SECOND);
    sim_host_result(s, &host);
    g_assert_cmpuint(host.saved_by_sharing, >, 600 * MIB);
    g_assert_cmpfloat(sim_scan_rate(s), ==, 0);
    sim_free(s);
}

/* The same policy driven from longer ticks decides as well. */
static void test_long_ticks(void)
{
    for (usec_t tick = SECOND; tick <= 2 * SECOND; tick += SECOND) {
        struct sim *s = host_with_tick(&MANAGER_AEROSTAT, 1200 * MIB, 4 * GIB, tick);
        struct work_step idle[] = {step_of(0, 700 * MIB, 700 * MIB, 1),
                                   step_of(20 * SECOND, 50 * MIB, 50 * MIB, 1)};
        struct work_step busy[] = {step_of(0, 50 * MIB, 50 * MIB, 1),
                                   step_of(60 * SECOND, 700 * MIB, 700 * MIB, 1)};
        unsigned b;

        add_guest(s, guest_of("a", GIB), idle, 2);
        b = add_guest(s, guest_of("b", GIB), busy, 2);
        sim_run(s, 200 * SECOND);
        g_assert_cmpfloat(now_of(s, b).speed, >, 0.95);
        g_assert_cmpfloat(throughput(s, b), >, 0.9);
        sim_free(s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/managed/obeys", test_obeys);
    g_test_add_func("/sim/managed/balloons", test_balloons);
    g_test_add_func("/sim/managed/lies", test_lies);
    g_test_add_func("/sim/managed/restart", test_restart);
    g_test_add_func("/sim/managed/admission", test_admission);
    g_test_add_func("/sim/managed/shares", test_shares);
    g_test_add_func("/sim/managed/long-ticks", test_long_ticks);
    return g_test_run();
}
