/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/meminfo and /proc/pressure/memory. */
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdbool.h>

#include "fixture.h"
#include "host/meminfo.h"
#include "host/procfs.h"
#include "host/psi.h"

static void test_meminfo(void)
{
    struct fixture f;
    struct meminfo m = {0};

    fixture_init(&f);
    g_assert_cmpint(meminfo_read(f.root, &m), ==, -ENOENT);
    fixture_write(&f, "/proc/meminfo",
                  "MemTotal:       24623368 kB\nMemFree:         1000 kB\nMemAvailable:   2000 kB\n"
                  "Buffers:  5 kB\nSwapCached:            0 kB\nSwapTotal:       8 kB\n"
                  "SwapFree:        4 kB\n");
    g_assert_cmpint(meminfo_read(f.root, &m), ==, 0);
    g_assert_cmpuint(m.total, ==, UINT64_C(24623368) * 1024);
    g_assert_cmpuint(m.free, ==, 1024000);
    g_assert_cmpuint(m.available, ==, 2048000);
    g_assert_cmpuint(m.swap_total, ==, 8192);
    g_assert_cmpuint(m.swap_free, ==, 4096);
    fixture_write(&f, "/proc/meminfo", "MemTotal: 1 kB\nMemFree: x kB\n");
    g_assert_cmpint(meminfo_read(f.root, &m), ==, -EBADMSG);
    fixture_deinit(&f);
}

static void test_real_meminfo(void)
{
    struct meminfo m;

    g_assert_cmpint(meminfo_read("", &m), ==, 0);
    g_assert_cmpuint(m.total, >, 0);
    g_assert_cmpuint(m.free, <=, m.total);
    g_assert_cmpuint(m.swap_free, <=, m.swap_total);
}

static void test_too_large(void)
{
    g_autofree char *big = g_strnfill(PROCFS_TEXT_MAX, 'x');
    struct fixture f;
    struct meminfo m;

    fixture_init(&f);
    fixture_write(&f, "/proc/meminfo", big);
    g_assert_cmpint(meminfo_read(f.root, &m), ==, -EFBIG);
    fixture_deinit(&f);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void test_psi(void)
{
    struct fixture f;
    struct psi psi;

    fixture_init(&f);
    g_assert_cmpint(psi_memory_read(f.root, &psi), ==, -ENOENT);
    fixture_write(&f, "/proc/pressure/memory",
                  "some avg10=1.50 avg60=0.25 avg300=0.00 total=157622151\n"
                  "full avg10=0.75 avg60=0.00 avg300=12.00 total=42\n");
    g_assert_cmpint(psi_memory_read(f.root, &psi), ==, 0);
    g_assert_true(near(psi.some.avg10, 1.5));
    g_assert_true(near(psi.some.avg60, 0.25));
    g_assert_cmpuint(psi.some.total_usec, ==, 157622151);
    g_assert_true(near(psi.full.avg10, 0.75));
    g_assert_true(near(psi.full.avg300, 12));
    g_assert_cmpuint(psi.full.total_usec, ==, 42);
    fixture_deinit(&f);
}

static void test_bad_psi(void)
{
    static const char *const bad[] = {
        "",
        "some avg10=1.50 avg60=0.25 avg300=0.00 total=1\n",
        "some avg10= avg60=0.25 avg300=0.00 total=1\nfull avg10=0 avg60=0 avg300=0 total=0\n",
        "some avg10=0 avg60=0 avg300=0 total=\nfull avg10=0 avg60=0 avg300=0 total=0\n",
    };
    struct fixture f;
    struct psi psi;

    fixture_init(&f);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        fixture_write(&f, "/proc/pressure/memory", bad[i]);
        g_assert_cmpint(psi_memory_read(f.root, &psi), ==, -EBADMSG);
    }
    fixture_deinit(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meminfo/fixture", test_meminfo);
    g_test_add_func("/meminfo/real", test_real_meminfo);
    g_test_add_func("/meminfo/too-large", test_too_large);
    g_test_add_func("/psi/fixture", test_psi);
    g_test_add_func("/psi/bad", test_bad_psi);
    return g_test_run();
}
