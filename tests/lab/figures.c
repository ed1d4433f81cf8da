/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the calibration. */
#include <glib.h>
#include <math.h>

#include "lab/calibrate.h"

#define NEAR(a, b) g_assert_cmpfloat_with_epsilon(a, b, 1e-9)

/* A movement that begins late and ends slowly; the middle goes by 100 a second. */
static void test_speed(void)
{
    static const struct point way[] = {{0, 0},   {1, 0},   {2, 100}, {3, 200},
                                       {4, 300}, {5, 400}, {9, 410}, {20, 411}};
    static const struct point back[] = {{0, 50}, {1, 40}, {2, 30}, {3, 20}};

    NEAR(figures_speed(way, G_N_ELEMENTS(way), 0.1, 0.9), 100);
    NEAR(figures_speed(back, G_N_ELEMENTS(back), 0, 1), 10);
    g_assert_true(isnan(figures_speed(way, 1, 0.1, 0.9)));
    g_assert_true(isnan(figures_speed(way, 2, 0.1, 0.9))); /* nothing moves */
}

/* 5 us longer, for a miss in every tenth operation. */
static void test_miss(void)
{
    NEAR(figures_miss_usec(2, 7, 0.1), 50);
    g_assert_true(isnan(figures_miss_usec(2, 7, 0)));
}

/* One run misses mostly in memory, the other mostly on disk. */
static void test_two_kinds(void)
{
    const double a = 20, b = 90;
    struct losses first = {.a = 0.3, .b = 0.02}, second = {.a = 0.05, .b = 0.2};
    double got_a, got_b;

    first.usec = first.a * a + first.b * b;
    second.usec = second.a * a + second.b * b;
    figures_two_kinds(first, second, &got_a, &got_b);
    NEAR(got_a, a);
    NEAR(got_b, b);
    figures_two_kinds(first, first, &got_a, &got_b);
    g_assert_true(isnan(got_a) && isnan(got_b));
}

static void test_line(void)
{
    double part, rest;

    figures_line(100, 30, 1000, 120, &part, &rest);
    NEAR(part, 0.1);
    NEAR(rest, 20);
    figures_line(100, 30, 1000, 20, &part, &rest);
    NEAR(part, 0); /* a guest never uses less for being larger */
    NEAR(rest, 30);
}

static void test_figure(void)
{
    struct figure f = {0};

    g_assert_true(isnan(figure_median(&f)));
    figure_add(&f, 7);
    figure_add(&f, (double)NAN);
    figure_add(&f, -3);
    figure_add(&f, 1);
    NEAR(figure_median(&f), 4);
    figure_add(&f, 100);
    NEAR(figure_median(&f), 7);
    NEAR(figure_least(&f), 1);
    NEAR(figure_most(&f), 100);
    for (unsigned i = 0; i < 2 * FIGURE_VALUES_MAX; i++)
        figure_add(&f, 5);
    g_assert_cmpuint(f.n, ==, FIGURE_VALUES_MAX);
}

/* What was measured counts, what was not keeps its default. */
static void test_costs(void)
{
    struct calibration c = {0};
    struct sim_costs costs, defaults = sim_costs_default();

    calibration_add(&c, "touch_usec", 3);
    calibration_add(&c, "touch_usec", 9);
    calibration_add(&c, "touch_usec", 4);
    calibration_add(&c, "inflate_rate", 1000);
    costs = calibration_costs(&c);
    NEAR(costs.touch_usec, 4);
    g_assert_cmpuint(costs.inflate_rate, ==, 1000);
    g_assert_cmpuint(costs.deflate_rate, ==, defaults.deflate_rate);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/figures/speed", test_speed);
    g_test_add_func("/figures/miss", test_miss);
    g_test_add_func("/figures/two-kinds", test_two_kinds);
    g_test_add_func("/figures/line", test_line);
    g_test_add_func("/figures/figure", test_figure);
    g_test_add_func("/figures/costs", test_costs);
    return g_test_run();
}
