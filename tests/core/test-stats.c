/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "core/stats.h"

#define SIZE (512 * MIB)

static struct guest_stats honest(void)
{
    struct guest_stats s = GUEST_STATS_NONE;

    s.last_update = 1000;
    s.total = 470 * MIB;
    s.free = 300 * MIB;
    s.available = 350 * MIB;
    s.caches = 60 * MIB;
    s.swap_in = s.swap_out = 0;
    s.major_faults = 100;
    s.minor_faults = 5000;
    return s;
}

static void test_honest_readings_are_fresh(void)
{
    struct guest_stats a = honest(), b = honest();

    b.last_update++;
    b.minor_faults += 10;
    g_assert_cmpint(stats_judge(NULL, &a, SIZE), ==, STATS_FRESH);
    g_assert_cmpint(stats_judge(&a, &b, SIZE), ==, STATS_FRESH);
}

static void test_no_readings_are_absent(void)
{
    g_assert_cmpint(stats_judge(NULL, &GUEST_STATS_NONE, SIZE), ==, STATS_ABSENT);
}

static void test_values_not_sent_exclude_nothing(void)
{
    struct guest_stats s = GUEST_STATS_NONE;

    s.last_update = 1;
    s.free = 10 * MIB;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_FRESH);
}

static void test_impossible_values_are_absurd(void)
{
    struct guest_stats s = honest();

    s.total = SIZE + 1;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_ABSURD);
    s = honest();
    s.total = 0;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_ABSURD);
    s = honest();
    s.available = UINT64_MAX - 1;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_ABSURD);
    s = honest();
    s.free = 2 * SIZE;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_ABSURD);
    s = honest();
    s.swap_out = UINT64_C(3) << 62;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_ABSURD);
}

static void test_values_that_exclude_each_other_are_contradictory(void)
{
    struct guest_stats s = honest();

    s.free = s.total + 1;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_CONTRADICTORY);
    s = honest();
    s.available = s.total + 1;
    g_assert_cmpint(stats_judge(NULL, &s, SIZE), ==, STATS_CONTRADICTORY);
}

static void test_reboot_is_no_contradiction(void)
{
    struct guest_stats a = honest(), b = honest();

    a.swap_in = a.swap_out = 50 * MIB;
    b.last_update++;
    b.major_faults = 1;
    b.minor_faults = 10;
    g_assert_cmpint(stats_judge(&a, &b, SIZE), ==, STATS_FRESH);
}

static void test_counters_that_run_both_ways_are_contradictory(void)
{
    struct guest_stats a = honest(), b = honest();

    b.last_update++;
    b.major_faults = 1;
    b.minor_faults += 10;
    g_assert_cmpint(stats_judge(&a, &b, SIZE), ==, STATS_CONTRADICTORY);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stats/honest", test_honest_readings_are_fresh);
    g_test_add_func("/stats/absent", test_no_readings_are_absent);
    g_test_add_func("/stats/unset", test_values_not_sent_exclude_nothing);
    g_test_add_func("/stats/absurd", test_impossible_values_are_absurd);
    g_test_add_func("/stats/contradictory", test_values_that_exclude_each_other_are_contradictory);
    g_test_add_func("/stats/reboot", test_reboot_is_no_contradiction);
    g_test_add_func("/stats/counters", test_counters_that_run_both_ways_are_contradictory);
    return g_test_run();
}
