/* SPDX-License-Identifier: Apache-2.0 */
/* qmemman's rules against what the original gave: three domains, the first of them privileged. */
#include <glib.h>
#include <math.h>

#include "core/units.h"
#include "policies/peer_qmemman.h"

#define M ((double)MIB)

static void vector(struct qmemman_domain *d)
{
    static const double used[] = {1500, 600, 2500}, actual[] = {3000, 1000, 2600};

    for (int i = 0; i < 3; i++)
        d[i] = (struct qmemman_domain){.privileged = i == 0,
                                       .known = true,
                                       .used = used[i] * M,
                                       .actual = actual[i] * M,
                                       .max = 4000 * M,
                                       .last_target = actual[i] * M};
}

static void assert_mib(double bytes, double mib)
{
    g_assert_cmpfloat(floor(bytes / M), ==, mib);
}

static void test_pref(void)
{
    struct qmemman_domain d[3];

    vector(d);
    assert_mib(qmemman_pref(&d[0]), 2300);
    assert_mib(qmemman_pref(&d[1]), 780);
    assert_mib(qmemman_pref(&d[2]), 3250);
    d[1].used = 10 * M;
    assert_mib(qmemman_pref(&d[1]), 200);
}

static void balance(double free, const double *expected)
{
    struct qmemman_domain d[3];
    size_t order[3];

    vector(d);
    g_assert_cmpuint(qmemman_balance(d, 3, free * M, order), ==, 3);
    for (int i = 0; i < 3; i++)
        assert_mib(d[i].target, expected[i]);
    /* those that give come first */
    for (int i = 1; i < 3; i++)
        g_assert_false(d[order[i]].target < d[order[i]].actual &&
                       d[order[i - 1]].target >= d[order[i - 1]].actual);
}

static void test_balance(void)
{
    balance(2000, (const double[]){3327, 1263, 4000});
    balance(100, (const double[]){2432, 824, 3436});
}

static void test_start(void)
{
    struct qmemman_domain d[3];

    vector(d);
    g_assert_true(qmemman_donate(d, 3, 300 * M));
    assert_mib(d[0].target, 2760);
    assert_mib(d[1].target, 924);
    g_assert_false(d[2].set);
    g_assert_false(qmemman_donate(d, 3, 921 * M));
}

/* Memory is short: those with more than they prefer fall back to that, the others share it. */
static void test_short(void)
{
    struct qmemman_domain d[3];
    size_t order[3];

    vector(d);
    d[2].used = 3000 * M; /* prefers 3900 */
    g_assert_cmpuint(qmemman_balance(d, 3, -100 * M, order), ==, 3);
    assert_mib(d[0].target, 2300);
    g_assert_cmpfloat_with_epsilon(d[1].target, 780 * M, M);
    assert_mib(d[2].target, floor(.999 * (2600 + (700 + 220 - 100))));
    /* nothing is left to give: nobody gets anything */
    g_assert_cmpuint(qmemman_balance(d, 3, -2000 * M, order), ==, 2);
    g_assert_false(d[2].set);
}

static void test_left_out(void)
{
    struct qmemman_domain d[3];
    size_t order[3];

    vector(d);
    d[0].no_progress = true;
    d[1].known = false;
    g_assert_cmpuint(qmemman_balance(d, 3, 2000 * M, order), ==, 1);
    g_assert_cmpuint(order[0], ==, 2);
}

static void test_worth(void)
{
    struct qmemman_domain d = {
        .known = true, .used = 1000 * M, .actual = 1300 * M, .max = 4000 * M};

    d.set = true;
    d.last_target = 1300 * M;
    d.target = 1310 * M;
    g_assert_false(qmemman_worth(&d, 1, 100 * M));
    g_assert_true(qmemman_worth(&d, 1, -16 * M));
    g_assert_true(qmemman_worth(&d, 1, 141 * M));
    d.last_target = 1290 * M; /* below what it prefers, and gains 20 */
    g_assert_true(qmemman_worth(&d, 1, 0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/qmemman/pref", test_pref);
    g_test_add_func("/policies/qmemman/balance", test_balance);
    g_test_add_func("/policies/qmemman/start", test_start);
    g_test_add_func("/policies/qmemman/short", test_short);
    g_test_add_func("/policies/qmemman/left-out", test_left_out);
    g_test_add_func("/policies/qmemman/worth", test_worth);
    return g_test_run();
}
