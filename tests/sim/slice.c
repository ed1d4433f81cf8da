/* SPDX-License-Identifier: Apache-2.0 */
/* The whole once: hosts with guests that fill, use, free, and are managed. */
#include "host.h"

static void test_alone(void)
{
    struct sim *s = host_new(&MANAGER_NONE, 4 * GIB, 4 * GIB);
    struct work_step work = step_of(0, 600 * MIB, 300 * MIB, 1);
    unsigned g = add_guest(s, guest_of("a", GIB), &work, 1);

    sim_run(s, 20 * SECOND);
    g_assert_cmpfloat(throughput(s, g), >, 0.999);
    g_assert_cmpuint(now_of(s, g).resident, >, 600 * MIB);
    g_assert_cmpuint(now_of(s, g).resident, <, 700 * MIB);
    sim_free(s);
}

/* Without a manager the kernel swaps, and those who use most suffer. */
static void test_kernel_swaps(void)
{
    struct sim *s = host_new(&MANAGER_NONE, GIB, 4 * GIB);
    struct work_step work = step_of(0, 800 * MIB, 800 * MIB, 2);
    unsigned a = add_guest(s, guest_of("a", GIB), &work, 1);
    unsigned b = add_guest(s, guest_of("b", GIB), &work, 1);

    sim_run(s, 60 * SECOND);
    g_assert_cmpfloat(throughput(s, a), <, 0.5);
    g_assert_cmpfloat(throughput(s, b), <, 0.5);
    g_assert_cmpuint(now_of(s, a).out_kernel + now_of(s, b).out_kernel, >, 500 * MIB);
    g_assert_cmpuint(now_of(s, a).resident + now_of(s, b).resident, <=, GIB);
    sim_free(s);
}

/* What one has freed the other gets. */
static void test_balloon_moves_memory(void)
{
    struct sim *s = host_new(&MANAGER_AEROSTAT, 1200 * MIB, 4 * GIB);
    struct work_step idle[] = {step_of(0, 700 * MIB, 700 * MIB, 1),
                               step_of(20 * SECOND, 50 * MIB, 50 * MIB, 1)};
    struct work_step busy[] = {step_of(0, 50 * MIB, 50 * MIB, 1),
                               step_of(30 * SECOND, 700 * MIB, 700 * MIB, 1)};
    struct sim_guest_spec spec = guest_of("a", GIB);

    spec.swap = GIB;
    spec.pager = false;
    unsigned a = add_guest(s, spec, idle, 2), b = add_guest(s, spec, busy, 2);
    sim_run(s, 90 * SECOND);
    g_assert_cmpuint(now_of(s, a).granted, <, 800 * MIB);
    g_assert_cmpuint(now_of(s, b).resident, >, 700 * MIB);
    g_assert_cmpfloat(now_of(s, b).speed, >, 0.95);
    g_assert_cmpfloat(throughput(s, b), >, 0.8);
    sim_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/alone", test_alone);
    g_test_add_func("/sim/kernel-swaps", test_kernel_swaps);
    g_test_add_func("/sim/balloon-moves-memory", test_balloon_moves_memory);
    return g_test_run();
}
