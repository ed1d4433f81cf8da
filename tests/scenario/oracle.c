/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "core/units.h"
#include "scenario/oracle.h"

/* Everything fits: nothing moves. */
static void test_plenty(void)
{
    struct oracle_guest g[] = {
        {.size = 512 * MIB, .need = 400 * MIB, .granted = 512 * MIB, .held = 100 * MIB},
        {.size = 512 * MIB, .need = 80 * MIB, .granted = 512 * MIB, .held = 90 * MIB},
    };

    g_assert_cmpuint(oracle_step(g, 2, 600 * MIB), ==, 0);
    g_assert_cmpuint(g[0].held, ==, 400 * MIB);
    g_assert_cmpuint(g[1].held, ==, 90 * MIB);
}

/* One needs what the other only holds; and back again. */
static void test_turn(void)
{
    struct oracle_guest g[] = {
        {.size = 512 * MIB, .need = 80 * MIB, .granted = 512 * MIB, .held = 450 * MIB},
        {.size = 512 * MIB, .need = 450 * MIB, .granted = 512 * MIB, .held = 100 * MIB},
    };

    /* 900 held, 700 there are: 200 less for the first, whose balloon swallows 62 untouched too. */
    g_assert_cmpuint(oracle_step(g, 2, 700 * MIB), ==, 262 * MIB);
    g_assert_cmpuint(g[0].granted, ==, 250 * MIB);
    g_assert_cmpuint(g[1].granted, ==, 512 * MIB);

    g[0].need = 450 * MIB;
    g[1].need = 80 * MIB;
    g_assert_cmpuint(oracle_step(g, 2, 700 * MIB), ==, 262 * MIB + 200 * MIB);
    g_assert_cmpuint(g[0].granted, ==, 450 * MIB);
    g_assert_cmpuint(g[1].granted, ==, 250 * MIB);
}

/* Who is ballooned already gives first: nothing of his is untouched. */
static void test_cheapest_donor(void)
{
    struct oracle_guest g[] = {
        {.size = 512 * MIB, .need = 50 * MIB, .granted = 512 * MIB, .held = 300 * MIB},
        {.size = 512 * MIB, .need = 50 * MIB, .granted = 200 * MIB, .held = 200 * MIB},
        {.size = 512 * MIB, .need = 200 * MIB, .granted = 512 * MIB, .held = 100 * MIB},
    };

    g_assert_cmpuint(oracle_step(g, 3, 600 * MIB), ==, 100 * MIB);
    g_assert_cmpuint(g[0].granted, ==, 512 * MIB);
    g_assert_cmpuint(g[1].granted, ==, 100 * MIB);
}

/* More is needed than exists. */
static void test_too_much(void)
{
    struct oracle_guest g[] = {
        {.size = 512 * MIB, .need = 500 * MIB, .granted = 512 * MIB, .held = 100 * MIB},
        {.size = 512 * MIB, .need = 500 * MIB, .granted = 512 * MIB, .held = 100 * MIB},
    };

    g_assert_cmpuint(oracle_step(g, 2, 600 * MIB), ==, 2 * 212 * MIB);
    g_assert_cmpuint(g[0].granted + g[1].granted, ==, 600 * MIB);
}

/* Needs beyond the size are no reason to move anything. */
static void test_size_bounds(void)
{
    struct oracle_guest g = {
        .size = 512 * MIB, .need = 9 * GIB, .granted = 512 * MIB, .held = 512 * MIB};

    g_assert_cmpuint(oracle_step(&g, 1, 512 * MIB), ==, 0);
}

static void test_split(void)
{
    struct oracle_share g[] = {
        {.shares = 4, .lo = 179 * MIB, .hi = 512 * MIB},
        {.shares = 2, .lo = 179 * MIB, .hi = 512 * MIB},
        {.shares = 1, .lo = 179 * MIB, .hi = 512 * MIB},
    };

    /* The third stands at its floor; the others share the rest 2:1. */
    oracle_split(g, 3, 779 * MIB);
    g_assert_cmpuint(g[2].target, ==, 179 * MIB);
    g_assert_cmpfloat_with_epsilon((double)g[0].target, 400.0 * MIB, 16);
    g_assert_cmpfloat_with_epsilon((double)g[1].target, 200.0 * MIB, 16);
    oracle_split(g, 3, 4 * GIB);
    g_assert_cmpuint(g[0].target + g[1].target + g[2].target, ==, 3 * 512 * MIB);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/oracle/plenty", test_plenty);
    g_test_add_func("/oracle/turn", test_turn);
    g_test_add_func("/oracle/cheapest-donor", test_cheapest_donor);
    g_test_add_func("/oracle/too-much", test_too_much);
    g_test_add_func("/oracle/size-bounds", test_size_bounds);
    g_test_add_func("/oracle/split", test_split);
    return g_test_run();
}
