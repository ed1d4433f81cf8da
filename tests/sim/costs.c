/* SPDX-License-Identifier: Apache-2.0 */
/* What things cost, printed and read back. */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario/error.h"
#include "sim/costs.h"

static char *path;

static bool load(struct sim_costs *costs, const char *text, GError **error)
{
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return sim_costs_load(costs, path, error);
}

/* Every member differs from its default, and comes back. */
static void test_round_trip(void)
{
    struct sim_costs wrote = sim_costs_default(), read = sim_costs_default();
    size_t n;
    const struct sim_cost *costs = sim_cost_table(&n);
    FILE *out;

    for (size_t i = 0; i < n; i++)
        sim_cost_set(&wrote, &costs[i], sim_cost_get(&wrote, &costs[i]) / 2);
    out = fopen(path, "we");
    g_assert_nonnull(out);
    sim_costs_print(&wrote, out);
    g_assert_cmpint(fclose(out), ==, 0);
    g_assert_true(sim_costs_load(&read, path, NULL));
    for (size_t i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon(sim_cost_get(&read, &costs[i]),
                                       sim_cost_get(&wrote, &costs[i]),
                                       sim_cost_get(&wrote, &costs[i]) / 1000 + 1e-9);
    g_assert_cmpuint(sizeof(wrote), ==, n * sizeof(uint64_t)); /* the table has all members */
}

static void test_absent_keys(void)
{
    struct sim_costs costs = sim_costs_default();

    g_assert_true(load(&costs, "[costs]\ntouch_usec = 2.5\ninflate_rate = 64M\n", NULL));
    g_assert_cmpfloat(costs.touch_usec, ==, 2.5);
    g_assert_cmpuint(costs.inflate_rate, ==, 64 << 20);
    g_assert_cmpuint(costs.deflate_rate, ==, sim_costs_default().deflate_rate);
}

static void test_errors(void)
{
    static const char *const wrong[] = {
        "[scenario]\n[costs]\n",       "",
        "[costs]\ntouch_usecs = 1\n",  "[costs]\ntouch_usec = -1\n",
        "[costs]\ntouch_usec = 2e6\n", "[costs]\nguest_base = 1.5\n",
        "[costs]\nfill_rate = 0\n",    "[costs]\nfill_rate = fast\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        struct sim_costs costs = sim_costs_default();
        g_autoptr(GError) error = NULL;

        g_assert_false(load(&costs, wrong[i], &error));
        g_assert_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, path));
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    path = g_strdup_printf("%s/aerostat-costs-%d.ini", g_get_tmp_dir(), (int)getpid());
    g_test_add_func("/costs/round-trip", test_round_trip);
    g_test_add_func("/costs/absent-keys", test_absent_keys);
    g_test_add_func("/costs/errors", test_errors);
    status = g_test_run();
    (void)g_unlink(path);
    g_free(path);
    return status;
}
