/* SPDX-License-Identifier: Apache-2.0 */
/* What the host does: its kernel's swap, pagers, blocking, identical pages. */
#include "host.h"

static struct sim_host_result host_result(const struct sim *s)
{
    struct sim_host_result result;

    sim_host_result(s, &result);
    return result;
}

static double part_of(uint64_t bytes, uint64_t of)
{
    return (double)bytes / (double)of;
}

/* The kernel finds the guest that rests, and its free pages, before the one that works. */
static void test_kernel_prefers_the_idle(void)
{
    struct sim *s = host_new(&MANAGER_NONE, GIB, 4 * GIB);
    struct work_step rests = step_of(0, 600 * MIB, 0, 1);
    struct work_step works = step_of(20 * SECOND, 700 * MIB, 700 * MIB, 2);
    unsigned idle = add_guest(s, guest_of("idle", GIB), &rests, 1);
    unsigned busy = add_guest(s, guest_of("busy", GIB), &works, 1);

    rests.demand = 0;
    sim_run(s, 200 * SECOND);
    g_assert_cmpuint(now_of(s, idle).out_kernel, >, 300 * MIB);
    g_assert_cmpfloat(part_of(now_of(s, busy).out_kernel, 700 * MIB), <, 0.1);
    g_assert_cmpfloat(now_of(s, busy).speed, >, 0.9);
    g_assert_cmpuint(host_result(s).kernel_swapped, >, 300 * MIB);
    g_assert_cmpfloat(host_result(s).over_capacity, ==, 0);
    sim_free(s);
}

static void test_host_swap_full(void)
{
    struct sim *s = host_new(&MANAGER_NONE, GIB, 100 * MIB);
    struct work_step small = step_of(0, 400 * MIB, 400 * MIB, 2);
    struct work_step large = step_of(10 * SECOND, 900 * MIB, 900 * MIB, 2);
    unsigned a = add_guest(s, guest_of("small", GIB), &small, 1);
    unsigned b = add_guest(s, guest_of("large", GIB), &large, 1);

    sim_run(s, 60 * SECOND);
    g_assert_cmpuint(host_result(s).kills, ==, 1);
    g_assert_true(result_of(s, b).killed_by_host);
    g_assert_false(now_of(s, b).alive);
    g_assert_cmpuint(now_of(s, b).resident, ==, 0);
    g_assert_true(now_of(s, a).alive);
    sim_run(s, 120 * SECOND);
    g_assert_cmpfloat(now_of(s, a).speed, >, 0.99);
    g_assert_cmpfloat(throughput(s, b), <, 0.5);
    sim_free(s);
}

/* A capacity that falls below what guests hold is reached again, as fast as the swap goes. */
static void test_capacity_falls(void)
{
    struct sim *s = host_new(&MANAGER_NONE, 4 * GIB, 4 * GIB);
    struct work_step step = step_of(0, 900 * MIB, 100 * MIB, 1);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);

    sim_run(s, 20 * SECOND);
    sim_set_capacity(s, 500 * MIB);
    sim_run(s, 60 * SECOND);
    g_assert_cmpuint(now_of(s, g).resident, <=, 500 * MIB);
    g_assert_cmpfloat(host_result(s).over_capacity, >, 0.5);
    g_assert_cmpfloat(host_result(s).over_capacity, <, 10);
    g_assert_cmpfloat(now_of(s, g).speed, >, 0.9);
    sim_free(s);
}

/* Ten guests that swap at once do not get ten times what one disk gives. */
static void test_one_disk(void)
{
    struct sim *s = host_new(&MANAGER_NONE, 5 * GIB, 20 * GIB);
    struct work_step step = step_of(0, 800 * MIB, 800 * MIB, 1);
    struct sim_costs costs = host_costs();
    uint64_t before = 0, moved = 0;

    for (unsigned i = 0; i < 10; i++)
        add_guest(s, guest_of("a", GIB), &step, 1);
    sim_run(s, 100 * SECOND);
    before = host_result(s).kernel_swapped;
    for (unsigned i = 0; i < 10; i++)
        moved -= result_of(s, i).brought_in;
    sim_run(s, 200 * SECOND);
    moved += host_result(s).kernel_swapped - before;
    for (unsigned i = 0; i < 10; i++)
        moved += result_of(s, i).brought_in;
    g_assert_cmpfloat((double)moved / 100, <, (double)costs.swap_disk_rate * 1.2);
    g_assert_cmpfloat((double)moved / 100, >, (double)costs.swap_disk_rate * 0.6);
    sim_free(s);
}

static void test_pager(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 0);
    struct work_step step = step_of(0, 600 * MIB, 100 * MIB, 1);
    struct sim_guest_now now;
    unsigned g;

    step.content = (struct work_content){.zero = 0.2, .compressible = 0.5, .ratio = 0.25};
    g = add_guest(s, guest_of("a", GIB), &step, 1);
    sim_run(s, 20 * SECOND);
    manager_allow(s, g, 400 * MIB);
    sim_run(s, 80 * SECOND);
    now = now_of(s, g);
    g_assert_cmpuint(now.resident + now.cache_used, <=, 401 * MIB);
    g_assert_cmpfloat_with_epsilon(
        part_of(now.out_zero, now.out_zero + now.out_compressed + now.out_swapped), 0.2, 0.02);
    g_assert_cmpfloat_with_epsilon(part_of(now.cache_used, now.out_compressed), 0.25, 0.01);
    g_assert_cmpuint(now.granted, ==, GIB);
    /* What is used came back, what is not stayed out: it gets on nearly as before. */
    g_assert_cmpfloat(now.speed, >, 0.9);
    g_assert_cmpuint(result_of(s, g).brought_in, >, 20 * MIB);
    g_assert_cmpfloat(result_of(s, g).lost_host_swap, >, 0);
    g_assert_cmpuint(result_of(s, g).put_out_swapped, <, result_of(s, g).put_out);
    sim_free(s);
}

static unsigned permille_of(struct sim *s, unsigned guest, bool current)
{
    struct guest_observation seen;

    manager_guest_look(s, guest, true, &seen);
    return current ? seen.pager.current_permille : seen.pager.permille;
}

/* What is used shows at the end of a window, and in the one that is under way as soon as it is. */
static void test_sampling(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 0);
    struct work_step steps[] = {step_of(0, 600 * MIB, 60 * MIB, 1),
                                step_of(145 * SECOND, 600 * MIB, 600 * MIB, 1)};
    unsigned g = add_guest(s, guest_of("a", GIB), steps, 2);

    sim_run(s, 10 * SECOND);
    manager_sample(s, g, 30 * SECOND);
    sim_run(s, 135 * SECOND);
    g_assert_cmpuint(permille_of(s, g, false), >, 50);
    g_assert_cmpuint(permille_of(s, g, false), <, 300);
    sim_run(s, 144 * SECOND);
    g_assert_cmpuint(permille_of(s, g, true), <, 300);
    sim_run(s, 149 * SECOND);
    g_assert_cmpuint(permille_of(s, g, true), >, 800);
    g_assert_cmpuint(permille_of(s, g, false), <, 300);
    sim_run(s, 165 * SECOND);
    g_assert_cmpuint(permille_of(s, g, false), >, 800);
    sim_free(s);
}

/* Beyond a tenth of the guest's size its compressed pages go to the swap file. */
static void test_pager_cache_is_bounded(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 0);
    struct work_step step = step_of(0, 900 * MIB, 0, 1);
    unsigned g;

    step.content = (struct work_content){.compressible = 1, .ratio = 0.5};
    g = add_guest(s, guest_of("a", GIB), &step, 1);
    sim_run(s, 20 * SECOND);
    manager_allow(s, g, 200 * MIB);
    sim_run(s, 80 * SECOND);
    g_assert_cmpfloat_with_epsilon(part_of(now_of(s, g).cache_used, GIB), 0.1, 0.03);
    g_assert_cmpuint(now_of(s, g).out_swapped, >, 300 * MIB);
    sim_free(s);
}

/* A reservation can't be put out, and what is not put out does not hold the guest back. */
static void test_pager_keeps_reservation(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 0);
    struct work_step step = step_of(0, 900 * MIB, 900 * MIB, 5);
    struct sim_guest_spec spec = guest_of("a", GIB);
    unsigned g;

    spec.settings.reservation = 800 * MIB;
    g = add_guest(s, spec, &step, 1);
    sim_run(s, 20 * SECOND);
    manager_allow(s, g, 100 * MIB);
    sim_run(s, 80 * SECOND);
    g_assert_cmpuint(now_of(s, g).out_swapped, <=, 224 * MIB);
    g_assert_cmpfloat(result_of(s, g).below_reservation, ==, 0);
    manager_balloon(s, g, 500 * MIB);
    sim_run(s, 120 * SECOND);
    g_assert_cmpfloat(result_of(s, g).below_reservation, >, 0);
    sim_free(s);
}

/* It stands still, its pager does not. */
static void test_blocked(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 0);
    struct work_step step = step_of(0, 600 * MIB, 600 * MIB, 1);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);
    struct sim_guest_result before, after;

    sim_run(s, 20 * SECOND);
    before = result_of(s, g);
    manager_allow(s, g, 300 * MIB);
    manager_block(s, g, 7 * SECOND + 50 * USEC_PER_MSEC);
    sim_run(s, 30 * SECOND);
    after = result_of(s, g);
    g_assert_cmpfloat_with_epsilon(after.lost_blocked - before.lost_blocked, 7.05, 0.001);
    g_assert_cmpuint(after.put_out, >, 300 * MIB);
    manager_allow(s, g, ALLOWED_ANY);
    manager_block(s, g, 7 * SECOND);
    manager_unblock(s, g);
    sim_run(s, 60 * SECOND);
    g_assert_cmpfloat(result_of(s, g).lost_blocked, ==, after.lost_blocked);
    sim_free(s);
}

/* Parked, it runs on: what it touches comes back and stays; unparked, all of it comes back. */
static void test_parked(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 0);
    struct work_step step = step_of(0, 600 * MIB, 100 * MIB, 5);
    unsigned g = add_guest(s, guest_of("a", GIB), &step, 1);

    sim_run(s, 20 * SECOND);
    sim_park_guest(s, g, true);
    sim_run(s, 24 * SECOND);
    g_assert_cmpuint(now_of(s, g).resident, <, 200 * MIB);
    sim_run(s, 120 * SECOND);
    g_assert_cmpuint(now_of(s, g).resident, >, 100 * MIB);
    g_assert_cmpuint(now_of(s, g).resident, <, 200 * MIB);
    g_assert_cmpfloat(now_of(s, g).speed, >, 0.98);
    sim_park_guest(s, g, false);
    sim_run(s, 240 * SECOND);
    g_assert_cmpuint(now_of(s, g).out_swapped, <, MIB);
    g_assert_cmpuint(now_of(s, g).resident, >, 600 * MIB);
    sim_free(s);
}

/* A guest whose private memory the kernel keeps at what it is told. */
static void test_kernel_as_pager(void)
{
    struct sim *s = host_new(&MANAGER_HANDS, 4 * GIB, 4 * GIB);
    struct work_step step = step_of(0, 600 * MIB, 100 * MIB, 1);
    struct sim_guest_spec spec = guest_of("a", GIB);
    struct guest_observation seen;
    unsigned g;

    spec.ram = SIM_RAM_PRIVATE;
    g = add_guest(s, spec, &step, 1);
    sim_run(s, 20 * SECOND);
    manager_allow(s, g, 400 * MIB);
    sim_run(s, 60 * SECOND);
    g_assert_cmpuint(now_of(s, g).resident, <=, 401 * MIB);
    g_assert_cmpuint(now_of(s, g).out_kernel, >, 150 * MIB);
    manager_guest_look(s, g, false, &seen);
    g_assert_true(seen.pager.kernel);
    g_assert_cmpuint(seen.pager.out, ==, now_of(s, g).out_kernel);
    sim_free(s);
}

static struct sim *identical_guests(unsigned n, double writes, unsigned *guests)
{
    struct sim *s = host_new(&MANAGER_HANDS, 16 * GIB, 0);
    struct work_step step = step_of(0, 400 * MIB, 100 * MIB, 1);
    struct sim_guest_spec spec = guest_of("a", GIB);

    spec.ram = SIM_RAM_PRIVATE;
    spec.pager = false;
    spec.share = true;
    step.writes = writes;
    step.content = (struct work_content){.identical = 0.5, .ratio = 1};
    for (unsigned i = 0; i < n; i++)
        guests[i] = add_guest(s, spec, &step, 1);
    sim_run(s, 20 * SECOND);
    manager_scan(s, 100000);
    return s;
}

/* Of n guests with the same 200 MiB all but one are saved that; what is written is not merged. */
static void test_sharing(void)
{
    unsigned guests[4];
    struct sim *s = identical_guests(4, 0, guests);
    uint64_t saved, free;

    g_assert_cmpuint(host_result(s).saved_by_sharing, ==, 0);
    free = sim_free_memory(s);
    sim_run(s, 21 * SECOND);
    g_assert_cmpuint(host_result(s).saved_by_sharing, ==, 0); /* the first round only looks */
    sim_run(s, 200 * SECOND);
    saved = host_result(s).saved_by_sharing;
    g_assert_cmpfloat_with_epsilon(part_of(saved, 600 * MIB), 1, 0.05);
    g_assert_cmpfloat_with_epsilon((double)(sim_free_memory(s) - free), (double)saved, 16);
    sim_end_guest(s, guests[0]);
    sim_end_guest(s, guests[1]);
    sim_end_guest(s, guests[2]);
    sim_run(s, 210 * SECOND);
    g_assert_cmpuint(host_result(s).saved_by_sharing, <, MIB);
    sim_free(s);

    s = identical_guests(4, 1, guests);
    sim_run(s, 200 * SECOND);
    g_assert_cmpfloat_with_epsilon(part_of(host_result(s).saved_by_sharing, 450 * MIB), 1, 0.1);
    sim_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/machine/kernel-prefers-the-idle", test_kernel_prefers_the_idle);
    g_test_add_func("/sim/machine/host-swap-full", test_host_swap_full);
    g_test_add_func("/sim/machine/capacity-falls", test_capacity_falls);
    g_test_add_func("/sim/machine/one-disk", test_one_disk);
    g_test_add_func("/sim/machine/pager", test_pager);
    g_test_add_func("/sim/machine/pager-cache-is-bounded", test_pager_cache_is_bounded);
    g_test_add_func("/sim/machine/sampling", test_sampling);
    g_test_add_func("/sim/machine/pager-keeps-reservation", test_pager_keeps_reservation);
    g_test_add_func("/sim/machine/blocked", test_blocked);
    g_test_add_func("/sim/machine/parked", test_parked);
    g_test_add_func("/sim/machine/kernel-as-pager", test_kernel_as_pager);
    g_test_add_func("/sim/machine/sharing", test_sharing);
    return g_test_run();
}
