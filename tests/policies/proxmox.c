/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proxmox's rules against the checks of its own test (described, not copied), and against probes
 * of the real code. MB of 10^6 and steps of 100 MB, as there.
 */
#include <glib.h>

#include "policies/peer_proxmox.h"

#define MB  INT64_C(1000000)
#define MIB (INT64_C(1) << 20)

#define VMS_MAX    3
#define ROUNDS_MAX 1000

/* max, shares, cur, min, free; shares 0: there is no such guest. */
struct state {
    struct proxmox_vm vms[VMS_MAX];
};

static struct proxmox_vm vm(int64_t max, int64_t shares, int64_t cur, int64_t min, int64_t free)
{
    return (struct proxmox_vm){
        .max = max * MB, .shares = shares, .cur = cur * MB, .min = min * MB, .free = free * MB};
}

static struct state s1(void)
{
    return (struct state){{vm(2000, 2000, 1000, 1000, 0), vm(2000, 1000, 1000, 1000, 0)}};
}

static struct state s2(void)
{
    return (struct state){{vm(2000, 2000, 2000, 2000, 0), vm(2000, 1000, 1000, 1000, 0)}};
}

static struct state s3(void)
{
    struct state s = s2();

    s.vms[1].cur = 1007 * MB;
    s.vms[2] = vm(2000, 1000, 1000, 1000, 512);
    return s;
}

/* What the change of one round is; it is applied. */
static int64_t apply(struct state *s, int64_t goal)
{
    int64_t sum = 0;

    proxmox_balance(s->vms, VMS_MAX, goal, 100 * MB);
    for (int i = 0; i < VMS_MAX; i++) {
        struct proxmox_vm *v = &s->vms[i];
        int64_t change = v->target >= 0 ? v->target - v->cur : 0;

        sum += change;
        v->cur += change;
        v->free = MAX(v->free + change, 0);
    }
    return sum;
}

/* Again and again, until nothing changes. */
static void iterate(struct state *s, int64_t goal)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct state before = *s;
        bool same = true;

        goal -= apply(s, goal);
        for (int i = 0; i < VMS_MAX; i++)
            same = same && s->vms[i].cur == before.vms[i].cur;
        if (same)
            return;
    }
    g_assert_not_reached();
}

static struct state s4(void)
{
    struct state s = s3();

    iterate(&s, 593 * MB);
    return s;
}

static const struct {
    const char *name;
    struct state (*state)(void);
    bool iterated;
    int64_t goal, after[VMS_MAX]; /* MB */
} checks[] = {
    {"S1 0", s1, false, 0, {1000, 1000}},
    {"S1 90", s1, false, 90, {1060, 1030}},
    {"S1 150", s1, false, 150, {1100, 1050}},
    {"S1 270", s1, false, 270, {1100, 1090}},
    {"S1 180 iterated", s1, true, 180, {1120, 1060}},
    {"S1 270 iterated", s1, true, 270, {1180, 1090}},
    {"S1 600 iterated", s1, true, 600, {1300, 1300}},
    {"S1 900 iterated", s1, true, 900, {1600, 1300}},
    {"S2 0", s2, false, 0, {2000, 1000}},
    {"S2 18", s2, false, 18, {2000, 1018}},
    {"S2 500", s2, false, 500, {2000, 1100}},
    {"S3 0", s3, false, 0, {2000, 1007, 1000}},
    {"S3 11", s3, false, 11, {2000, 1018, 1000}},
    {"S3 80", s3, false, 80, {2000, 1087, 1000}},
    {"S3 200", s3, false, 200, {2000, 1107, 1000}},
    {"S3 593 iterated", s3, true, 593, {2000, 1300, 1300}},
    {"S4 -200 iterated", s4, true, -200, {2000, 1200, 1200}},
    {"S4 -400 iterated", s4, true, -400, {2000, 1200, 1000}},
    {"S4 -593 iterated", s4, true, -593, {2000, 1007, 1000}},
};

static void test_own_checks(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        struct state s = checks[i].state();

        if (checks[i].iterated)
            iterate(&s, checks[i].goal * MB);
        else
            apply(&s, checks[i].goal * MB);
        g_test_message("%s: %.6f %.6f %.6f", checks[i].name, (double)s.vms[0].cur / MB,
                       (double)s.vms[1].cur / MB, (double)s.vms[2].cur / MB);
        for (int v = 0; v < VMS_MAX; v++)
            g_assert_cmpint(s.vms[v].cur, ==, checks[i].after[v] * MB);
    }
}

/* A cache-heavy guest has little free and so is not rich: the other alone gives. */
static void test_cache_is_not_rich(void)
{
    struct proxmox_vm vms[] = {
        {.max = 6144 * MIB,
         .shares = 1000,
         .cur = 6144 * MIB,
         .min = 2048 * MIB,
         .free = 100 * MIB},
        {.max = 6144 * MIB,
         .shares = 1000,
         .cur = 6144 * MIB,
         .min = 2048 * MIB,
         .free = 1229 * MIB},
    };

    proxmox_balance(vms, 2, -500 * MIB, 100 * MIB);
    g_assert_cmpint(vms[0].target, ==, -1);
    g_assert_cmpint(vms[1].target, ==, 6044 * MIB);
}

static void test_all_pressed(void)
{
    struct proxmox_vm vms[] = {
        {.max = 6144 * MIB,
         .shares = 1000,
         .cur = 6144 * MIB,
         .min = 2048 * MIB,
         .free = 100 * MIB},
        {.max = 6144 * MIB, .shares = 1000, .cur = 6144 * MIB, .min = 2048 * MIB, .free = 90 * MIB},
    };

    proxmox_balance(vms, 2, -500 * MIB, 100 * MIB);
    g_assert_cmpint(vms[0].target, ==, 6044 * MIB);
    g_assert_cmpint(vms[1].target, ==, 6044 * MIB);
}

/* The host is at its goal: a starved guest beside one with gigabytes free gets nothing. */
static void test_starved_at_goal(void)
{
    struct proxmox_vm vms[] = {
        {.max = 8192 * MIB, .shares = 1000, .cur = 2048 * MIB, .min = 2048 * MIB, .free = 0},
        {.max = 8192 * MIB,
         .shares = 1000,
         .cur = 8192 * MIB,
         .min = 2048 * MIB,
         .free = 5120 * MIB},
    };

    proxmox_balance(vms, 2, 5 * MIB, 100 * MIB);
    g_assert_cmpint(vms[0].target, ==, -1);
    g_assert_cmpint(vms[1].target, ==, -1);
}

static void test_goal(void)
{
    g_assert_cmpint(proxmox_goal(1000, 700, 80), ==, 100);
    g_assert_cmpint(proxmox_goal(1000, 900, 80), ==, -100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/proxmox/own-checks", test_own_checks);
    g_test_add_func("/policies/proxmox/cache-is-not-rich", test_cache_is_not_rich);
    g_test_add_func("/policies/proxmox/all-pressed", test_all_pressed);
    g_test_add_func("/policies/proxmox/starved-at-goal", test_starved_at_goal);
    g_test_add_func("/policies/proxmox/goal", test_goal);
    return g_test_run();
}
