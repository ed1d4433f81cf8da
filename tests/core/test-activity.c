/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "core/activity.h"

static const struct activity_params params = {.fast_usec = 4 * USEC_PER_SEC,
                                              .slow_usec = 20 * USEC_PER_SEC};

static void test_first_observation_is_the_estimate(void)
{
    struct activity a = {0};

    g_assert_cmpuint(activity_estimate(&a), ==, 0);
    activity_observe(&a, &params, 100 * MIB, USEC_PER_SEC);
    g_assert_cmpuint(activity_estimate(&a), ==, 100 * MIB);
}

static void test_rises_at_once_and_falls_slowly(void)
{
    struct activity a = {0};
    usec_t now = 0;

    activity_observe(&a, &params, 100 * MIB, now);
    activity_observe(&a, &params, 400 * MIB, now += USEC_PER_SEC);
    g_assert_cmpuint(activity_estimate(&a), ==, 400 * MIB);
    for (unsigned i = 0; i < 200; i++)
        activity_observe(&a, &params, 400 * MIB, now += USEC_PER_SEC);

    uint64_t before = activity_estimate(&a);
    activity_observe(&a, &params, 0, now += USEC_PER_SEC);
    g_assert_cmpuint(activity_estimate(&a), >, before * 9 / 10);
    for (unsigned i = 0; i < 120; i++)
        activity_observe(&a, &params, 0, now += USEC_PER_SEC);
    g_assert_cmpuint(activity_estimate(&a), <, before / 100);
}

static void test_estimate_is_never_below_the_current_window(void)
{
    struct activity a = {0};
    GRand *rand = g_rand_new_with_seed(1);
    usec_t now = 0;

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t seen = g_rand_int(rand);

        activity_observe(&a, &params, seen, now += g_rand_int_range(rand, 0, 5000000));
        g_assert_cmpuint(activity_estimate(&a), >=, seen);
        g_assert_cmpuint(activity_estimate(&a), <=, UINT32_MAX);
    }
    g_rand_free(rand);
}

static void test_clock_that_stands_still_changes_no_average(void)
{
    struct activity a = {0};

    activity_observe(&a, &params, 100 * MIB, USEC_PER_SEC);
    activity_observe(&a, &params, 0, USEC_PER_SEC);
    g_assert_cmpuint(activity_estimate(&a), ==, 100 * MIB);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/activity/first", test_first_observation_is_the_estimate);
    g_test_add_func("/activity/rise-and-fall", test_rises_at_once_and_falls_slowly);
    g_test_add_func("/activity/current", test_estimate_is_never_below_the_current_window);
    g_test_add_func("/activity/still-clock", test_clock_that_stands_still_changes_no_average);
    return g_test_run();
}
