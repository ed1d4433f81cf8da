/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/histogram.h"

#include <glib.h>
#include <math.h>

static struct histogram histogram;

static void assert_close(double found, double exact)
{
    g_assert_cmpfloat(found, >=, exact);
    g_assert_cmpfloat(found, <=, exact * 1.125);
}

static void test_nothing(void)
{
    struct latencies l = histogram_take(&histogram);

    g_assert_cmpfloat(l.p50_usec, ==, 0);
    g_assert_cmpfloat(l.p99_usec, ==, 0);
    g_assert_cmpfloat(l.max_usec, ==, 0);
}

static void test_one_value_of_every_size(void)
{
    for (uint64_t nsec = 1; nsec < (uint64_t)1 << HISTOGRAM_BITS; nsec = nsec * 9 / 8 + 1) {
        struct latencies l;

        histogram_add(&histogram, nsec);
        l = histogram_take(&histogram);
        g_assert_cmpfloat(fabs(l.p50_usec - (double)nsec / 1e3), <, 1e-9);
        g_assert_cmpfloat(fabs(l.p99_usec - (double)nsec / 1e3), <, 1e-9);
        g_assert_cmpfloat(fabs(l.max_usec - (double)nsec / 1e3), <, 1e-9);
    }
}

static void test_percentiles(void)
{
    struct latencies l;

    for (uint64_t i = 1; i <= 10000; i++)
        histogram_add(&histogram, i * 1000);
    l = histogram_take(&histogram);
    assert_close(l.p50_usec, 5000);
    assert_close(l.p99_usec, 9900);
    g_assert_cmpfloat(l.max_usec, ==, 10000);
    test_nothing(); /* it was taken */
}

static void test_rare_slow_ones_show_in_p99(void)
{
    struct latencies l;

    for (unsigned i = 0; i < 980; i++)
        histogram_add(&histogram, 1000);
    for (unsigned i = 0; i < 20; i++)
        histogram_add(&histogram, 5000000);
    l = histogram_take(&histogram);
    assert_close(l.p50_usec, 1);
    assert_close(l.p99_usec, 5000);
}

static void test_longer_than_the_longest(void)
{
    struct latencies l;

    histogram_add(&histogram, UINT64_MAX / 2);
    l = histogram_take(&histogram);
    g_assert_cmpfloat(l.max_usec, ==, (double)(UINT64_MAX / 2) / 1e3);
    g_assert_cmpfloat(l.p50_usec, >, 1e9);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/histogram/nothing", test_nothing);
    g_test_add_func("/histogram/one", test_one_value_of_every_size);
    g_test_add_func("/histogram/percentiles", test_percentiles);
    g_test_add_func("/histogram/rare", test_rare_slow_ones_show_in_p99);
    g_test_add_func("/histogram/too-long", test_longer_than_the_longest);
    return g_test_run();
}
