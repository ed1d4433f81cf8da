/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy takes a guest to use, and who is asked for what on account of it: observations
 * made by hand. */
#include <glib.h>

#include "core/policy.h"

#define SIZE GIB

struct hand {
    struct policy *policy;
    struct policy_guest *guest, *other;
    struct guest_observation seen, other_seen;
    struct host_observation host;
    usec_t now;
};

static struct guest_observation sampled(uint64_t resident)
{
    return (struct guest_observation){
        .size = SIZE,
        .resident = resident,
        .actual = SIZE,
        .balloon_device = true,
        .reachable = true,
        .running = true,
        .pressure = USEC_NEVER,
        .stats = GUEST_STATS_NONE,
        .pager = {.present = true, .room = SIZE, .allowed = ALLOWED_ANY, .windows = 1},
    };
}

static void hand_init(struct hand *h, uint64_t capacity)
{
    struct policy_params params = policy_params_default();
    static const struct guest_settings settings;

    *h = (struct hand){.policy = policy_new(&params),
                       .seen = sampled(800 * MIB),
                       .other_seen = sampled(800 * MIB),
                       .host = {.capacity = capacity, .free_measured = UINT64_MAX},
                       .now = 1000 * USEC_PER_SEC};
    h->guest = policy_guest_add(h->policy, &settings, h->now);
    h->other = policy_guest_add(h->policy, &settings, h->now);
}

static void hand_deinit(struct hand *h)
{
    policy_free(h->policy);
}

/* A second goes by, in which the guest waits for pages for @waited. */
static void second(struct hand *h, usec_t waited)
{
    h->now += USEC_PER_SEC;
    h->seen.pager.waited += waited;
    (void)policy_guest_observe(h->policy, h->guest, &h->seen, h->now);
    (void)policy_guest_observe(h->policy, h->other, &h->other_seen, h->now);
    g_assert_cmpint(policy_decide(h->policy, &h->host, h->now), ==, 0);
}

/* A window of ten seconds, which found @permille in use. */
static void window(struct hand *h, unsigned permille, usec_t waited)
{
    for (int i = 0; i < 10; i++) {
        if (i == 9) {
            h->seen.pager.windows++;
            h->seen.pager.permille = permille;
        }
        second(h, waited);
    }
}

static struct guest_view view_of(struct policy_guest *guest)
{
    struct guest_view view;

    policy_guest_view(guest, &view);
    return view;
}

/* Who waits four fifths of the time would have used more in the time that he lacked. */
static void test_windows_are_of_its_own_time(void)
{
    struct hand idle, waits;

    hand_init(&idle, 4 * GIB);
    hand_init(&waits, 4 * GIB);
    for (int i = 0; i < 4; i++) {
        window(&idle, 200, 0);
        window(&waits, 200, 800 * USEC_PER_MSEC);
    }
    g_assert_cmpuint(view_of(idle.guest).active, ==, 160 * MIB);
    /* 1 - 0.8^5 of it */
    g_assert_cmpuint(view_of(waits.guest).active / MIB, >=, 530);
    g_assert_cmpuint(view_of(waits.guest).active / MIB, <=, 545);
    hand_deinit(&idle);
    hand_deinit(&waits);
}

static struct guest_stats report(uint64_t second, uint64_t available)
{
    struct guest_stats s = GUEST_STATS_NONE;

    s.last_update = second;
    s.total = SIZE - 64 * MIB;
    s.free = s.available = available;
    s.caches = s.swap_in = s.swap_out = s.major_faults = s.minor_faults = 0;
    return s;
}

/* Merged pages were touched, though they are not resident: having used them is no lie. */
static void test_merged_memory_was_touched(void)
{
    struct hand h;

    hand_init(&h, 4 * GIB);
    for (uint64_t i = 1; i <= 10; i++) {
        h.seen.resident = 300 * MIB;
        h.seen.saved = 500 * MIB;
        h.seen.shared = 510 * MIB;
        h.seen.stats = report(i, 150 * MIB);
        second(&h, 0);
    }
    g_assert_cmpint(view_of(h.guest).trust, ==, STATS_FRESH);
    hand_deinit(&h);
}

/* A host so short that both have to give; one has a driver, and says what can't be. */
static void test_who_is_not_believed_is_not_ballooned_blindly(void)
{
    struct hand h;

    hand_init(&h, 1700 * MIB);
    for (uint64_t i = 1; i <= 10; i++) {
        h.seen.stats = report(i, 2 * SIZE);
        second(&h, 0);
    }
    g_assert_cmpint(view_of(h.guest).trust, ==, STATS_ABSURD);
    g_assert_cmpint(view_of(h.guest).verdict.reason, ==, REASON_UNBELIEVED);
    g_assert_cmpint(view_of(h.guest).verdict.mechanism, ==, MECHANISM_NONE);
    g_assert_cmpuint(view_of(h.guest).verdict.allowed, <, 800 * MIB);
    /* Whether the other has a driver is to be found out, once. */
    g_assert_cmpint(view_of(h.other).driver, ==, DRIVER_UNKNOWN);
    g_assert_cmpint(view_of(h.other).verdict.mechanism, ==, MECHANISM_BALLOON);
    for (int i = 0; i < 30; i++) {
        if (view_of(h.other).verdict.mechanism == MECHANISM_BALLOON)
            policy_guest_target_sent(h.other, view_of(h.other).verdict.to, h.now);
        second(&h, 0);
    }
    g_assert_cmpint(view_of(h.other).driver, ==, DRIVER_ABSENT);
    g_assert_cmpint(view_of(h.other).verdict.reason, ==, REASON_NO_DRIVER);
    /* Where nobody can put its pages out, little steps are all there is. */
    h.seen.pager.present = h.other_seen.pager.present = false;
    h.seen.stats.last_update++;
    second(&h, 0);
    g_assert_cmpint(view_of(h.guest).verdict.mechanism, ==, MECHANISM_BALLOON);
    hand_deinit(&h);
}

/*
 * The host has enough free, because one guest is kept below what it is entitled to and waits; its
 * neighbour holds more than its entitlement and uses little of it.
 */
static void test_memory_is_made_free_for_who_waits(void)
{
    struct host_view host;
    struct hand h;

    hand_init(&h, 1700 * MIB);
    h.other_seen.resident = 1000 * MIB;
    h.other_seen.pager.permille = 20;
    h.seen.resident = 550 * MIB;
    h.seen.pager.allowed = 555 * MIB;
    h.seen.pager.out = 300 * MIB;
    h.seen.pager.permille = 900;
    for (int i = 0; i < 20; i++) {
        h.seen.pager.loaded += 60 * MIB;
        h.seen.pager.moved_out += 60 * MIB;
        second(&h, 700 * USEC_PER_MSEC);
    }
    policy_host_view(h.policy, &host);
    g_assert_cmpuint(host.free, >=, host.minfree);
    g_assert_cmpint(host.state, ==, HOST_CLEAR);
    g_assert_cmpuint(view_of(h.guest).verdict.entitled, >, 600 * MIB);
    g_assert_cmpuint(view_of(h.other).verdict.allowed, <, 1000 * MIB);
    /* It has what it needs: nothing more is taken. */
    h.seen.resident = 700 * MIB;
    h.seen.pager.allowed = 760 * MIB;
    h.other_seen.resident = h.other_seen.pager.allowed = 800 * MIB;
    h.other_seen.pager.out = 200 * MIB;
    for (int i = 0; i < 10; i++)
        second(&h, 0);
    policy_host_view(h.policy, &host);
    g_assert_cmpint(host.state, ==, HOST_HIGH);
    g_assert_cmpuint(view_of(h.other).verdict.allowed, >=, 800 * MIB);
    hand_deinit(&h);
}

/* One that can page out is low on memory by its balloon, but misses nothing; one that pages in
 * does. */
static void test_low_is_no_need(void)
{
    struct hand h;

    hand_init(&h, 4 * GIB);
    h.seen.actual = 850 * MIB;
    for (uint64_t i = 1; i <= 40; i++) {
        h.seen.stats = report(i, 10 * MIB);
        h.seen.stats.total = 800 * MIB;
        h.seen.stats.swap_out = 100 * MIB;
        h.seen.pager.permille = 100;
        second(&h, 0);
    }
    g_assert_cmpint(view_of(h.guest).swap, ==, GUEST_SWAP_PRESENT);
    g_assert_cmpuint(view_of(h.guest).distress & DISTRESS_LOW_AVAILABLE, !=, 0);
    g_assert_cmpuint(view_of(h.guest).active, <, 200 * MIB);
    for (uint64_t i = 41; i <= 50; i++) {
        h.seen.stats.last_update = i;
        h.seen.stats.swap_in += 8 * MIB;
        second(&h, 0);
    }
    g_assert_cmpuint(view_of(h.guest).active, >, 900 * MIB);
    /* What that was worth falls slowly. */
    h.seen.stats.last_update = 51;
    second(&h, 0);
    g_assert_cmpuint(view_of(h.guest).active, >, 200 * MIB);
    hand_deinit(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/estimate/own-time", test_windows_are_of_its_own_time);
    g_test_add_func("/estimate/merged", test_merged_memory_was_touched);
    g_test_add_func("/estimate/unbelieved", test_who_is_not_believed_is_not_ballooned_blindly);
    g_test_add_func("/estimate/wanting", test_memory_is_made_free_for_who_waits);
    g_test_add_func("/estimate/low", test_low_is_no_need);
    return g_test_run();
}
