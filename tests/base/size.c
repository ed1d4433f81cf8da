/* SPDX-License-Identifier: Apache-2.0 */
#include "base/size.h"

#include <glib.h>

#include "tests/random.h"

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"1536", 1536},
        {"512M", UINT64_C(512) << 20},
        {"512m", UINT64_C(512) << 20},
        {"512MB", UINT64_C(512) << 20},
        {"2 GiB", UINT64_C(2) << 30},
        {"1.5G", UINT64_C(1536) << 20},
        {"0.25K", 256},
        {"100B", 100},
        {"16T", UINT64_C(16) << 40},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", UINT64_C(16777215) << 40},
        {"0.999999T", 1099510528264},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        uint64_t bytes = 1;

        g_test_message("%s", good[i].text);
        g_assert_true(size_parse(good[i].text, &bytes));
        g_assert_cmpuint(bytes, ==, good[i].bytes);
    }
}

static void test_wrong_sizes(void)
{
    static const char *const bad[] = {
        "",
        "M",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1  M",
        "1.5",
        "1.M",
        ".5M",
        "1..5M",
        "0x10",
        "1e3",
        "512X",
        "5iB",
        "1MiBx",
        "1M1",
        "1,5G",
        "inf",
        "1.0000000M",
        "18446744073709551616",
        "16777216T",
        "99999999999999999999G",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        uint64_t bytes = 42;

        g_test_message("%s", bad[i]);
        g_assert_false(size_parse(bad[i], &bytes));
        g_assert_cmpuint(bytes, ==, 42);
    }
}

static void test_durations(void)
{
    static const struct {
        const char *text;
        uint64_t usec;
    } good[] = {
        {"500ms", 500000},   {"2s", 2000000},    {"2", 2000000},        {"0.5", 500000},
        {"5min", 300000000}, {"1h", 3600000000}, {"1.5 h", 5400000000}, {"7d", 604800000000},
    };
    static const char *const bad[] = {"", "s", "-1s", "5m", "1w", "1 s ", "1s2", "5124095577h"};

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        uint64_t usec = 1;

        g_test_message("%s", good[i].text);
        g_assert_true(duration_parse(good[i].text, &usec));
        g_assert_cmpuint(usec, ==, good[i].usec);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        uint64_t usec = 42;

        g_test_message("%s", bad[i]);
        g_assert_false(duration_parse(bad[i], &usec));
        g_assert_cmpuint(usec, ==, 42);
    }
}

static void test_format(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1023, "1023"},
        {1024, "1K"},
        {17 << 10, "17K"},
        {UINT64_C(512) << 20, "512M"},
        {UINT64_C(1536) << 20, "1.5G"},
        {UINT64_C(12800) << 20, "12.5G"},
        {(UINT64_C(1) << 20) - 1, "1M"},
        {(UINT64_C(1) << 30) - (1 << 19), "1G"},
        {UINT64_C(1023) << 20, "1023M"},
        {(UINT64_C(100) << 20) + (1 << 18), "100M"},
        {UINT64_MAX, "16777216T"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char buf[SIZE_TEXT_MAX];

        g_assert_cmpstr(size_format(cases[i].bytes, buf), ==, cases[i].text);
    }
}

/* What is shown can be read back, and differs from the value by less than the last digit shown. */
static void test_round_trip(void)
{
    g_autoptr(GRand) rand = random_seeded();

    for (int i = 0; i < 10000; i++) {
        uint64_t bytes =
            ((uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand)) >> g_rand_int_range(rand, 0, 64);
        uint64_t back, diff;
        char buf[SIZE_TEXT_MAX];

        g_assert_true(size_parse(size_format(bytes, buf), &back) || bytes >> 40 == 16777215);
        diff = back > bytes ? back - bytes : bytes - back;
        g_assert_cmpuint(diff, <=, bytes / 19);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/size/parse", test_sizes);
    g_test_add_func("/size/refuse", test_wrong_sizes);
    g_test_add_func("/size/duration", test_durations);
    g_test_add_func("/size/format", test_format);
    g_test_add_func("/size/round-trip", test_round_trip);
    return g_test_run();
}
