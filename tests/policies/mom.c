/* SPDX-License-Identifier: Apache-2.0 */
/* MOM's rules against what the real engine gave for the same figures. */
#include <glib.h>
#include <math.h>

#include "policies/peer_mom.h"

#define G 1048576.0 /* KiB */

static const struct {
    const char *name;
    enum mom_rules rules;
    double total, free, cur, unused, target; /* GiB, but target: KiB; 0: none */
} balloons[] = {
    {"grow, doc", MOM_DOC, 64, 16, 8, 1, 9017754},
    {"shrink, doc", MOM_DOC, 64, 8, 8, 4, 7969178},
    {"shrink a used one, doc", MOM_DOC, 64, 8, 8, 0.5, 0},
    {"critical, doc", MOM_DOC, 64, 2, 8, 0.125, 8100250},
    {"starved, doc", MOM_DOC, 64, 8, 4, 0, 0},
    {"grow, vdsm", MOM_VDSM, 64, 32, 8, 1, 11534336},
    {"below min, vdsm", MOM_VDSM, 64, 8, 1, 0.125, 2097152},
};

static void test_balloon(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(balloons); i++) {
        const struct mom_host host = {balloons[i].total * G, balloons[i].free * G};
        const struct mom_guest g = {balloons[i].cur * G, 2 * G, 16 * G, balloons[i].cur * G,
                                    balloons[i].unused * G};
        double target = 0;
        bool set = mom_balloon(balloons[i].rules, &host, &g, &target);

        g_test_message("%s: %s, %.1f", balloons[i].name, set ? "set" : "not set", target);
        g_assert_true(set == (balloons[i].target > 0));
        if (set)
            g_assert_cmpfloat(round(target), ==, balloons[i].target);
    }
}

static void test_ksm(void)
{
    struct mom_ksm ksm = {.pages = 100};
    struct mom_host host = {16 * G, 2 * G};

    mom_ksm(MOM_DOC, &host, host.total / 2, &ksm);
    g_assert_true(ksm.run);
    g_assert_cmpfloat(ksm.sleep_ms, ==, 10);
    g_assert_cmpfloat(ksm.pages, ==, 400);

    ksm = (struct mom_ksm){.pages = 100, .run = true};
    host = (struct mom_host){256 * G, 100 * G};
    mom_ksm(MOM_DOC, &host, host.total / 2, &ksm);
    g_assert_false(ksm.run);
}

/* The bounds of the pages a pass, and vdsm's shortest sleep. */
static void test_ksm_bounds(void)
{
    struct mom_ksm ksm = {.pages = 1200};
    struct mom_host host = {64 * G, 2 * G};

    mom_ksm(MOM_VDSM, &host, host.total, &ksm);
    g_assert_cmpfloat(ksm.pages, ==, 1250);
    g_assert_cmpfloat(ksm.sleep_ms, ==, 10);
    host.free = 32 * G;
    ksm.pages = 70;
    mom_ksm(MOM_VDSM, &host, host.total, &ksm);
    g_assert_cmpfloat(ksm.pages, ==, 64);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/mom/balloon", test_balloon);
    g_test_add_func("/policies/mom/ksm", test_ksm);
    g_test_add_func("/policies/mom/ksm-bounds", test_ksm_bounds);
    return g_test_run();
}
