/* SPDX-License-Identifier: Apache-2.0 */
/* A guest alone on a large host, and what becomes of it when it is squeezed. */

#include "host.h"

/* Seconds in which things settle. */
#define SETTLE 120

static struct sim *large_host(void)
{
    return host_new(&MANAGER_HANDS, 16 * GIB, 16 * GIB);
}

/* Work done of that wanted, from now on for @seconds. */
static double throughput_for(struct sim *s, unsigned guest, unsigned seconds)
{
    struct sim_guest_result before = result_of(s, guest), after;

    sim_run(s, sim_now(s) + seconds * SECOND);
    after = result_of(s, guest);
    return (after.work_done - before.work_done) / (after.work_wanted - before.work_wanted);
}

static void test_fill(void)
{
    struct sim *s = large_host();
    struct work_step steps[] = {step_of(0, 100 * MIB, 100 * MIB, 1),
                                step_of(10 * SECOND, 700 * MIB, 700 * MIB, 1),
                                step_of(40 * SECOND, 50 * MIB, 50 * MIB, 1)};
    unsigned g;
    uint64_t base;

    steps[1].fill_rate = 30 * MIB;
    g = add_guest(s, guest_of("a", GIB), steps, 3);
    sim_run(s, 9 * SECOND);
    base = now_of(s, g).used - 100 * MIB;
    g_assert_cmpuint(base, <, 128 * MIB);
    sim_run(s, 20 * SECOND);
    g_assert_cmpfloat_with_epsilon((double)(now_of(s, g).used - base) / (double)MIB, 400, 10);
    sim_run(s, 39 * SECOND);
    g_assert_cmpfloat_with_epsilon((double)(now_of(s, g).used - base) / (double)MIB, 700, 1);
    /* What is freed stays with the guest. */
    sim_run(s, 60 * SECOND);
    g_assert_cmpfloat_with_epsilon((double)(now_of(s, g).used - base) / (double)MIB, 50, 1);
    g_assert_cmpuint(now_of(s, g).resident, >, 700 * MIB);
    g_assert_cmpfloat(throughput(s, g), >, 0.999);
    sim_free(s);
}

/* What was used while it booted is spread over free memory; what programs freed comes first. */
static void test_boot_memory(void)
{
    struct sim_config config = {.host = {.capacity = 16 * GIB},
                                .costs = host_costs(),
                                .manager = &MANAGER_HANDS,
                                .seed = 1};
    struct work_step steps[] = {
        step_of(0, 10 * MIB, 10 * MIB, 1), step_of(10 * SECOND, 480 * MIB, 480 * MIB, 1),
        step_of(20 * SECOND, 10 * MIB, 10 * MIB, 1), step_of(30 * SECOND, 480 * MIB, 480 * MIB, 1)};
    struct sim *s;
    unsigned g;

    config.costs.guest_base = config.costs.boot_resident = 0;
    config.costs.guest_base_bytes = 64 * MIB;
    config.costs.boot_resident_bytes = 304 * MIB; /* a quarter of what it has free */
    s = sim_new(&config);
    g = add_guest(s, guest_of("a", GIB), steps, 4);
    for (unsigned t = 19; t <= 39; t += 20) {
        sim_run(s, t * SECOND);
        g_assert_cmpfloat_with_epsilon((double)now_of(s, g).resident / (double)MIB,
                                       304 + 480 * 0.75, 1);
    }
    sim_free(s);
}

static void test_reports_free_pages(void)
{
    struct sim *s = large_host();
    struct work_step steps[] = {step_of(0, 700 * MIB, 700 * MIB, 1),
                                step_of(10 * SECOND, 50 * MIB, 50 * MIB, 1)};
    struct sim_guest_spec spec = guest_of("a", GIB);
    unsigned g;

    spec.free_page_reporting = true;
    g = add_guest(s, spec, steps, 2);
    sim_run(s, 200 * SECOND);
    g_assert_cmpuint(now_of(s, g).resident, <, 200 * MIB);
    sim_free(s);
}

/* What the guest does not use, the balloon has at its own rate, and nobody notices. */
static void test_balloon_takes_free(void)
{
    struct sim *s = large_host();
    struct work_step step = step_of(0, 200 * MIB, 200 * MIB, 1);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);
    struct sim_costs costs = host_costs();

    sim_run(s, 10 * SECOND);
    manager_balloon(s, g, 400 * MIB);
    sim_run(s, 11 * SECOND);
    g_assert_cmpfloat_with_epsilon((double)(GIB - now_of(s, g).granted), (double)costs.inflate_rate,
                                   (double)MIB);
    sim_run(s, 40 * SECOND);
    g_assert_cmpuint(now_of(s, g).granted, ==, 400 * MIB);
    g_assert_cmpfloat(throughput(s, g), >, 0.999);
    manager_balloon(s, g, GIB);
    sim_run(s, 60 * SECOND);
    g_assert_cmpuint(now_of(s, g).granted, ==, GIB);
    g_assert_cmpuint(result_of(s, g).inflated, ==, result_of(s, g).deflated);
    sim_free(s);
}

/* A set that is used evenly: as much as is missing of it is missed, and each costs the same. */
static void test_swaps_under_balloon(void)
{
    struct sim_costs costs = host_costs();
    struct sim *s = large_host();
    struct work_step step = step_of(0, 600 * MIB, 600 * MIB, 20);
    struct sim_guest_spec spec = guest_of("a", GIB);
    double missing, stall, got;
    unsigned g;

    spec.swap = GIB;
    g = add_guest(s, spec, &step, 1);
    sim_run(s, 20 * SECOND);
    manager_balloon(s, g, 400 * MIB);
    sim_run(s, (20 + SETTLE) * SECOND);
    got = throughput_for(s, g, 60);
    missing = (double)now_of(s, g).swapped_by_guest;
    g_assert_cmpfloat(missing, >, 200.0 * (double)MIB);
    stall = missing / 4096 / 20 * costs.guest_swap_in_usec / 1e6;
    g_assert_cmpfloat_with_epsilon(got, 1 / (1 + stall), 0.02);
    g_assert_cmpuint(result_of(s, g).oom_kills, ==, 0);
    /* With its memory back it recovers. */
    manager_balloon(s, g, GIB);
    sim_run(s, sim_now(s) + SETTLE * SECOND);
    g_assert_cmpfloat(throughput_for(s, g, 10), >, 0.99);
    sim_free(s);
}

/* Two threads wait at once. */
static void test_threads_wait_together(void)
{
    double got[2];

    for (unsigned i = 0; i < 2; i++) {
        struct sim *s = large_host();
        struct work_step step = step_of(0, 600 * MIB, 600 * MIB, 20);
        struct sim_guest_spec spec = guest_of("a", GIB);
        unsigned g;

        step.threads = i + 1;
        spec.swap = GIB;
        g = add_guest(s, spec, &step, 1);
        sim_run(s, 20 * SECOND);
        manager_balloon(s, g, 400 * MIB);
        sim_run(s, (20 + SETTLE) * SECOND);
        got[i] = 1 / throughput_for(s, g, 60) - 1;
        sim_free(s);
    }
    g_assert_cmpfloat_with_epsilon(got[0] / got[1], 2, 0.05);
}

/* Who has time to spare makes up for what it waits. */
static void test_leisure(void)
{
    struct sim *s = large_host();
    struct work_step step = step_of(0, 600 * MIB, 600 * MIB, 100);
    struct sim_guest_spec spec = guest_of("a", GIB);
    unsigned g;

    step.demand = 0.5;
    spec.swap = GIB;
    g = add_guest(s, spec, &step, 1);
    sim_run(s, 20 * SECOND);
    manager_balloon(s, g, 400 * MIB);
    sim_run(s, 300 * SECOND);
    g_assert_cmpuint(result_of(s, g).guest_swapped_in, >, 0);
    g_assert_cmpfloat(throughput(s, g), >, 0.999);
    sim_free(s);
}

static void test_driver_keeps_squeezing(void)
{
    struct sim *s = large_host();
    struct work_step step = step_of(0, 600 * MIB, 600 * MIB, 10);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);

    sim_run(s, 20 * SECOND);
    manager_balloon(s, g, 100 * MIB);
    sim_run(s, 120 * SECOND);
    /* It has no swap: the balloon gets what was free, stops short, and nobody dies of it... */
    g_assert_cmpuint(now_of(s, g).granted, >, 600 * MIB);
    g_assert_cmpuint(now_of(s, g).guest_free, <, 48 * MIB);
    g_assert_cmpuint(result_of(s, g).oom_kills, ==, 0);
    g_assert_cmpfloat(throughput(s, g), >, 0.999);
    sim_free(s);
}

static void out_of_memory(bool deflate, struct sim_guest_result *result, struct sim_guest_now *now)
{
    struct sim *s = large_host();
    struct work_step steps[] = {step_of(0, 300 * MIB, 300 * MIB, 10),
                                step_of(60 * SECOND, 600 * MIB, 600 * MIB, 10),
                                step_of(70 * SECOND, 100 * MIB, 100 * MIB, 10)};
    struct sim_guest_spec spec = guest_of("a", GIB);
    unsigned g;

    spec.deflate_on_oom = deflate;
    g = add_guest(s, spec, steps, 3);
    sim_run(s, 20 * SECOND);
    manager_balloon(s, g, 450 * MIB);
    sim_run(s, 69 * SECOND);
    if (!deflate) /* it has just been killed */
        g_assert_cmpfloat(now_of(s, g).speed, ==, 0);
    *result = result_of(s, g);
    *now = now_of(s, g);
    sim_run(s, 100 * SECOND);
    g_assert_false(result_of(s, g).panicked);
    sim_free(s);
}

/* ...until programs want more. */
static void test_out_of_memory(void)
{
    struct sim_guest_result result;
    struct sim_guest_now now;

    out_of_memory(false, &result, &now);
    g_assert_cmpuint(result.oom_kills, >, 0);
    /* killed again each time that it has grown to what the balloon leaves: of no use meanwhile */
    g_assert_cmpuint(result.oom_kills, <, 8);
    g_assert_cmpfloat(result.lost_killed, >, 5);
    g_assert_cmpfloat(result.work_wanted - result.work_done, >=, result.lost_killed - 1e-6);
    g_assert_cmpuint(now.granted, ==, 450 * MIB);
    out_of_memory(true, &result, &now);
    g_assert_cmpuint(result.oom_kills, ==, 0);
    g_assert_cmpfloat(result.lost_killed, ==, 0);
    g_assert_cmpuint(now.granted, >, 600 * MIB);
}

/* Nothing but the kernel itself is left. */
static void test_panic(void)
{
    struct sim *s = large_host();
    struct work_step steps[] = {step_of(0, 0, 0, 1), step_of(60 * SECOND, 300 * MIB, 0, 1)};
    unsigned g = add_guest(s, guest_of("a", GIB), steps, 2);

    sim_run(s, 10 * SECOND);
    manager_balloon(s, g, 4096);
    sim_run(s, 59 * SECOND);
    g_assert_true(now_of(s, g).alive);
    sim_run(s, 70 * SECOND);
    g_assert_true(result_of(s, g).panicked);
    g_assert_false(now_of(s, g).alive);
    /* The dead go on wanting. */
    sim_run(s, 170 * SECOND);
    g_assert_cmpfloat(throughput(s, g), <, 0.5);
    sim_free(s);
}

static struct work_step files_of(uint64_t bytes, double interval, uint64_t stream)
{
    struct work_step step = step_of(0, 50 * MIB, 0, 1);

    step.cache[0] = (struct work_class){bytes, interval};
    step.stream = stream;
    return step;
}

/* Files that fit are read once, and that is nobody's fault. */
static void test_cache_fills(void)
{
    struct sim *s = large_host();
    struct work_step step = files_of(500 * MIB, 10, 0);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);

    sim_run(s, 200 * SECOND);
    g_assert_cmpfloat_with_epsilon((double)now_of(s, g).cache / (double)MIB, 500, 10);
    g_assert_cmpfloat(throughput(s, g), >, 0.99);
    manager_balloon(s, g, 400 * MIB);
    sim_run(s, 300 * SECOND);
    g_assert_cmpuint(now_of(s, g).cache, <, 350 * MIB);
    g_assert_cmpfloat(throughput_for(s, g, 60), <, 0.9);
    g_assert_cmpfloat(result_of(s, g).lost_file, >, 10);
    g_assert_cmpfloat(result_of(s, g).lost_guest_swap, ==, 0);
    sim_free(s);
}

static double stream_throughput(uint64_t visible)
{
    struct sim *s = large_host();
    struct work_step step = files_of(0, 1, 500 * MIB);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);
    double got;

    sim_run(s, 60 * SECOND);
    manager_balloon(s, g, visible);
    sim_run(s, 120 * SECOND);
    got = throughput_for(s, g, 60);
    sim_free(s);
    return got;
}

/* Read from end to end, a file that does not fit might as well not be there. */
static void test_stream(void)
{
    struct sim_costs costs = host_costs();
    double none = costs.file_reread_usec / costs.file_read_usec;

    g_assert_cmpfloat(stream_throughput(GIB), >, 0.999);
    g_assert_cmpfloat_with_epsilon(stream_throughput(300 * MIB), none, 0.02);
    g_assert_cmpfloat_with_epsilon(stream_throughput(500 * MIB), none, 0.25);
}

/* Cache goes before memory that is used, what was read once before all. */
static void test_cold_cache_goes_first(void)
{
    struct sim *s = large_host();
    struct work_step step = step_of(0, 300 * MIB, 300 * MIB, 5);
    struct sim_guest_spec spec = guest_of("a", GIB);
    unsigned g;

    step.cold_cache = 500 * MIB;
    spec.swap = GIB;
    g = add_guest(s, spec, &step, 1);
    sim_run(s, 60 * SECOND);
    g_assert_cmpuint(now_of(s, g).cache, >, 450 * MIB);
    manager_balloon(s, g, 450 * MIB);
    sim_run(s, 120 * SECOND);
    g_assert_cmpuint(now_of(s, g).cache, <, 100 * MIB);
    g_assert_cmpuint(now_of(s, g).swapped_by_guest, <, 5 * MIB);
    g_assert_cmpfloat(throughput_for(s, g, 10), >, 0.99);
    sim_free(s);
}

/* Long ticks tell the same as short ones. */
static void test_ticks(void)
{
    static const usec_t ticks[] = {20000, 100000, 1000000, 2000000};
    double got[G_N_ELEMENTS(ticks)];

    for (unsigned i = 0; i < G_N_ELEMENTS(ticks); i++) {
        struct sim *s = host_with_tick(&MANAGER_HANDS, 16 * GIB, 0, ticks[i]);
        struct work_step step = step_of(0, 600 * MIB, 0, 1);
        struct sim_guest_spec spec = guest_of("a", GIB);
        unsigned g;

        work_zipf(600 * MIB, 0.8, 20000, step.anon);
        spec.swap = GIB;
        g = add_guest(s, spec, &step, 1);
        sim_run(s, 20 * SECOND);
        manager_balloon(s, g, 400 * MIB);
        sim_run(s, 100 * SECOND);
        got[i] = throughput_for(s, g, 100);
        g_assert_cmpfloat_with_epsilon(got[i], got[0], 0.02);
        sim_free(s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/guest/fill", test_fill);
    g_test_add_func("/sim/guest/boot-memory", test_boot_memory);
    g_test_add_func("/sim/guest/reports-free-pages", test_reports_free_pages);
    g_test_add_func("/sim/guest/balloon-takes-free", test_balloon_takes_free);
    g_test_add_func("/sim/guest/swaps-under-balloon", test_swaps_under_balloon);
    g_test_add_func("/sim/guest/threads-wait-together", test_threads_wait_together);
    g_test_add_func("/sim/guest/leisure", test_leisure);
    g_test_add_func("/sim/guest/driver-keeps-squeezing", test_driver_keeps_squeezing);
    g_test_add_func("/sim/guest/out-of-memory", test_out_of_memory);
    g_test_add_func("/sim/guest/panic", test_panic);
    g_test_add_func("/sim/guest/cache-fills", test_cache_fills);
    g_test_add_func("/sim/guest/stream", test_stream);
    g_test_add_func("/sim/guest/cold-cache-goes-first", test_cold_cache_goes_first);
    g_test_add_func("/sim/guest/ticks", test_ticks);
    return g_test_run();
}
