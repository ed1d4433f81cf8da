/* SPDX-License-Identifier: Apache-2.0 */
/* ksmtuned's rule, by its description. */
#include <glib.h>

#include "policies/peer_ksmtuned.h"

#define G 1048576.0 /* KiB */

static void test_rule(void)
{
    struct ksmtuned k = {0};

    ksmtuned_step(&k, 64 * G, 40 * G, 24 * G); /* all fits */
    g_assert_false(k.run);
    ksmtuned_step(&k, 64 * G, 10 * G, 54 * G); /* less than a fifth is free */
    g_assert_true(k.run);
    g_assert_cmpfloat(k.pages, ==, 300);
    g_assert_cmpfloat(k.sleep_ms, ==, 25);
    for (int i = 0; i < 5; i++)
        ksmtuned_step(&k, 64 * G, 10 * G, 54 * G);
    g_assert_cmpfloat(k.pages, ==, 1250);
    ksmtuned_step(&k, 64 * G, 13 * G, 52 * G); /* a fifth is free, but the guests need it */
    g_assert_true(k.run);
    g_assert_cmpfloat(k.pages, ==, 1200);
    ksmtuned_step(&k, 512 * G, 10 * G, 500 * G);
    g_assert_cmpfloat(k.sleep_ms, ==, 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/ksmtuned/rule", test_rule);
    return g_test_run();
}
