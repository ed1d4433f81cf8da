/* SPDX-License-Identifier: Apache-2.0 */
/* balloond's rule, by its description. */
#include <glib.h>

#include "policies/peer_balloond.h"

#define M UINT64_C(1024) /* KiB */

static void check(uint64_t cur, uint64_t available, bool set, uint64_t target)
{
    uint64_t t = 0;

    g_assert_true(balloond_target(cur * M, 4096 * M, available * M, &t) == set);
    if (set)
        g_assert_cmpuint(t, ==, target * M);
}

static void test_rule(void)
{
    check(2048, 200, true, 2112); /* two chunks make it 264 */
    check(2048, 256, false, 0);   /* within the band */
    check(2048, 288, false, 0);
    check(2048, 289, true, 2016); /* one chunk: 257 */
    check(2048, 1800, true, 512); /* as many as it takes, at once */
    check(4090, 10, true, 4096);  /* up to its size */
    check(4096, 10, false, 0);    /* where it is already */
}

static void test_skipped(void)
{
    check(2048, 0, false, 0);
    check(0, 100, false, 0);
    check(100, 200, false, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/balloond/rule", test_rule);
    g_test_add_func("/policies/balloond/skipped", test_skipped);
    return g_test_run();
}
