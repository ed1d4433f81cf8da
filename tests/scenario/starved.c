/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "core/units.h"
#include "scenario/starved.h"

#define SIZE (512 * MIB)

static const struct agent_report quiet = {.received = 1000000, .mem_available = 100 * MIB};

/* The report one second later. */
static struct agent_report later(void)
{
    struct agent_report r = quiet;

    r.received += 1000000;
    return r;
}

static void test_quiet(void)
{
    struct agent_report now = later(), none = {0};

    g_assert_false(starved(&quiet, &now, SIZE, false));
    g_assert_false(starved(&none, &none, SIZE, false));
    g_assert_false(starved(&none, &now, SIZE, false));
}

static void test_available(void)
{
    struct agent_report now = later(), none = {0};

    now.mem_available = 20 * MIB;
    g_assert_true(starved(&quiet, &now, SIZE, false));
    g_assert_true(starved(&none, &now, SIZE, false));
}

static void test_rates(void)
{
    struct agent_report now = later();

    now.pswpin = 1000;
    g_assert_true(starved(&quiet, &now, SIZE, false));
    now = later();
    now.pgmajfault = 1000;
    g_assert_true(starved(&quiet, &now, SIZE, false));
    now = later();
    now.allocstall = 100;
    g_assert_true(starved(&quiet, &now, SIZE, false));
    /* the balloon's own allocations stall too */
    g_assert_false(starved(&quiet, &now, SIZE, true));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/starved/quiet", test_quiet);
    g_test_add_func("/starved/available", test_available);
    g_test_add_func("/starved/rates", test_rates);
    return g_test_run();
}
