/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy's invariants under observations that make no sense: random sizes, statistics, links
 * and settings, guests that come and go, targets that are sent or not, clocks that jump.
 */
#include <string.h>

#include "core/policy.h"
#include "random-host.h"

#define STEPS      4000
#define GUESTS_MAX 16

static uint64_t random_bytes(GRand *rand)
{
    uint64_t value = ((uint64_t)g_rand_int(rand) << 32) | g_rand_int(rand);

    return value >> g_rand_int_range(rand, 0, 64);
}

static uint64_t random_stat(GRand *rand, uint64_t size)
{
    switch (g_rand_int_range(rand, 0, 4)) {
    case 0:
        return GUEST_STAT_UNSET;
    case 1:
        return random_bytes(rand);
    default:
        return size ? random_bytes(rand) % size : 0;
    }
}

static struct pager_observation random_pager(GRand *rand, uint64_t size)
{
    bool plausible = g_rand_boolean(rand);

    return (struct pager_observation){
        .present = g_rand_int_range(rand, 0, 8) != 0,
        .parked = g_rand_int_range(rand, 0, 8) == 0,
        .out = plausible ? random_bytes(rand) % size : random_bytes(rand),
        .cache = plausible ? random_bytes(rand) % size / 10 : random_bytes(rand),
        .room = g_rand_int_range(rand, 0, 4) ? random_bytes(rand) % size : 0,
        .allowed = g_rand_boolean(rand) ? ALLOWED_ANY : random_bytes(rand) % size,
        .loaded = random_bytes(rand),
        .kernel = g_rand_boolean(rand),
        .moved_out = random_bytes(rand),
        .waited = random_bytes(rand),
        .paged_by_guest = random_bytes(rand),
        .windows = (uint64_t)g_rand_int_range(rand, 0, 10),
        .permille = (unsigned)g_rand_int_range(rand, 0, plausible ? 1001 : 100000),
        .current_permille = (unsigned)g_rand_int_range(rand, 0, plausible ? 1001 : 100000),
    };
}

static struct guest_observation random_observation(GRand *rand, usec_t now)
{
    struct guest_observation o = {
        .size = random_bytes(rand) >> 20,
        .resident = random_bytes(rand) >> 20,
        .actual = random_bytes(rand) >> 20,
        .balloon_device = g_rand_int_range(rand, 0, 8) != 0,
        .reachable = g_rand_int_range(rand, 0, 8) != 0,
        .running = g_rand_int_range(rand, 0, 8) != 0,
        .partial = g_rand_boolean(rand),
        .blocked = random_bytes(rand),
        .shared = random_bytes(rand),
        .saved = random_bytes(rand),
        .pressure = g_rand_boolean(rand) ? random_bytes(rand) : USEC_NEVER,
        .stats = GUEST_STATS_NONE,
    };
    uint64_t *const stats[] = {&o.stats.total,          &o.stats.free,         &o.stats.available,
                               &o.stats.caches,         &o.stats.swap_in,      &o.stats.swap_out,
                               &o.stats.major_faults,   &o.stats.minor_faults, &o.stats.oom_kills,
                               &o.stats.direct_reclaims};

    if (g_rand_boolean(rand)) { /* a plausible one */
        o.size = GIB;
        o.resident = random_bytes(rand) % GIB;
        o.actual = GIB - random_bytes(rand) % (GIB / 2);
    }
    if (g_rand_boolean(rand))
        o.pager = random_pager(rand, u64_max(o.size, 100));
    o.stats.last_update = g_rand_boolean(rand) ? now / USEC_PER_SEC : random_bytes(rand);
    for (size_t i = 0; i < G_N_ELEMENTS(stats); i++)
        *stats[i] = random_stat(rand, o.size);
    return o;
}

static struct guest_settings random_settings(GRand *rand)
{
    struct guest_settings s = {
        .shares = random_bytes(rand) >> 32,
        .exempt = g_rand_int_range(rand, 0, 10) == 0,
        .swap = (enum guest_swap)g_rand_int_range(rand, 0, GUEST_SWAP_MAX),
    };

    if (g_rand_boolean(rand))
        s.limit = random_bytes(rand) % (2 * GIB);
    if (g_rand_boolean(rand))
        s.reservation = random_bytes(rand) % (s.limit ? s.limit + 1 : GIB);
    return s;
}

/* What a pager is told: last, not below what is guaranteed, and enough of it. */
static void check_allowed(const struct guest_view *view)
{
    const struct verdict *v = &view->verdict;
    const struct pager_observation *p = &view->seen.pager;
    uint64_t limit = view->settings.limit ? u64_min(view->settings.limit, v->size) : v->size;
    uint64_t reserved = u64_min(view->settings.reservation, limit);
    uint64_t holds = v->resident + v->cache;
    char text[512];

    g_assert_cmpuint(strlen(policy_allowed_text(v, text, sizeof(text))), >, 20);
    g_assert_true(v->allowed_before == p->allowed);
    if (!p->present || view->settings.exempt)
        g_assert_true(v->allowed == ALLOWED_ANY || p->parked);
    if (!p->present || p->parked) {
        g_assert_false(v->allow);
        return;
    }
    g_assert_cmpuint(v->allowed, >=, reserved);
    if (view->settings.exempt)
        return;
    g_assert_true(limit == v->size || v->allowed <= limit);
    if (v->allowed < holds && v->allowed_reason != REASON_LIMIT)
        g_assert_cmpint(v->state, !=, HOST_HIGH);
    if (p->room == 0 || v->state < HOST_HARD || v->entitled >= v->hi)
        return;
    g_assert_cmpuint(v->allowed, <=, u64_max(u64_max(v->entitled, reserved), holds));
    if (v->state == HOST_LOW)
        g_assert_cmpuint(v->allowed, <=, u64_max(v->entitled, reserved));
}

/* Held is only who is above his target, in state low, and no longer than is configured. */
static void check_block(const struct guest_view *view, const struct policy_params *params)
{
    const struct verdict *v = &view->verdict;
    uint64_t holds = v->resident + v->cache;
    char text[512];

    g_assert_true((v->block > 0) == (v->block_reason == REASON_BLOCKED));
    if (v->block == 0)
        return;
    g_assert_true(params->block);
    g_assert_cmpint(v->state, ==, HOST_LOW);
    g_assert_cmpuint(v->block, <=, params->block_slice_usec);
    g_assert_cmpuint(holds, >, v->entitled);
    g_assert_true(v->allowed == ALLOWED_ANY || holds > v->allowed);
    g_assert_true(view->seen.running && view->seen.reachable && view->seen.pager.present);
    g_assert_false(view->settings.exempt || view->seen.pager.parked);
    g_assert_cmpuint(view->seen.pager.room, >, 0);
    g_assert_cmpuint(strlen(policy_block_text(v, text, sizeof(text))), >, 20);
}

static void check_verdict(const struct guest_view *view, const struct policy_params *params)
{
    const struct verdict *v = &view->verdict;
    uint64_t cap = v->size - (uint64_t)(params->balloon_max * (double)v->size);
    char text[512];

    g_assert_cmpuint(v->entitled, >=, v->lo);
    g_assert_cmpuint(v->entitled, <=, v->hi);
    g_assert_cmpuint(v->to, <=, v->size);
    g_assert_cmpuint(strlen(policy_reason_text(v, text, sizeof(text))), >, 20);
    check_allowed(view);
    check_block(view, params);
    g_assert_true(view->lost_part >= 0);
    if (v->mechanism == MECHANISM_NONE)
        return;
    g_assert_false(view->settings.exempt);
    g_assert_true(view->seen.reachable);
    g_assert_true(view->seen.balloon_device);
    if (v->to >= v->from)
        return;
    g_assert_true(view->seen.running);
    g_assert_cmpuint(v->to, >=, cap);
    g_assert_cmpint(view->trust, !=, STATS_STALE);
    g_assert_true(v->state != HOST_HIGH || v->reason == REASON_LIMIT ||
                  v->reason == REASON_RELEASED || v->reason == REASON_RELIEVE_PAGER);
    g_assert_cmpuint(v->to, >=, u64_min(view->settings.reservation, v->size));
}

static void check_decision(const struct policy *p, struct policy_guest **guests, size_t n,
                           const struct policy_params *params)
{
    uint64_t entitled = 0, lo = 0, given = 0, needed = 0;
    struct host_view host;

    policy_host_view(p, &host);
    for (size_t i = 0; i < n; i++) {
        struct guest_view view;

        policy_guest_view(guests[i], &view);
        check_verdict(&view, params);
        entitled += view.verdict.entitled;
        lo += view.verdict.lo;
        /* With a pager, seeing more does not mean occupying more; and a guest whose statistics are
         * believed is given what is vital to it in any case. */
        if (view.seen.pager.present || view.trust == STATS_FRESH)
            continue;
        given += u64_sub(view.verdict.to, view.verdict.from);
        needed += u64_sub(view.verdict.lo, view.verdict.from);
    }
    for (int state = HOST_CLEAR; state + 1 < HOST_STATE_MAX; state++)
        g_assert_cmpuint(host.marks[state], >=, host.marks[state + 1]);
    g_assert_cmpuint(policy_look_in(p, 100, 1000), >=, 100);
    g_assert_cmpuint(policy_look_in(p, 100, 1000), <=, 1000);
    g_assert_cmpuint(entitled, <=, u64_max(host.available, lo));
    g_assert_cmpuint(given, <=, host.free + needed);
}

static void test_invariants_under_nonsense(void)
{
    GRand *rand = random_seeded();
    struct policy_params params = policy_params_default();

    params.block = g_rand_int_range(rand, 0, 4) != 0;
    params.block_slice_usec = (usec_t)g_rand_int_range(rand, 1, 2000000);
    params.block_part = g_rand_double_range(rand, 0.01, 0.99);
    params.distress_lost = g_rand_double_range(rand, 0.01, 2);
    struct policy *p = policy_new(&params);
    struct policy_guest *guests[GUESTS_MAX];
    size_t n = 0;
    usec_t now = 0;

    for (unsigned step = 0; step < STEPS; step++) {
        struct host_observation host = {.capacity = random_bytes(rand) >> 16,
                                        .other = random_bytes(rand) >> 24,
                                        .free_measured =
                                            g_rand_boolean(rand) ? UINT64_MAX : random_bytes(rand)};

        now = g_rand_int_range(rand, 0, 50) ? now + g_rand_int(rand) / 256 : now / 2;
        if (n < GUESTS_MAX && g_rand_int_range(rand, 0, 4) == 0) {
            struct guest_settings settings = random_settings(rand);

            guests[n] = policy_guest_add(p, &settings, now);
            struct guest_observation first = random_observation(rand, now);
            (void)policy_guest_observe(p, guests[n++], &first, now);
        } else if (n > 0 && g_rand_int_range(rand, 0, 30) == 0) {
            size_t who = (size_t)g_rand_int_range(rand, 0, (gint32)n);

            policy_guest_remove(p, guests[who]);
            guests[who] = guests[--n];
        }
        for (size_t i = 0; i < n; i++) {
            struct guest_observation o = random_observation(rand, now);

            (void)policy_guest_observe(p, guests[i], &o, now);
        }
        g_assert_cmpint(policy_decide(p, &host, now), ==, 0);
        check_decision(p, guests, n, &params);
        for (size_t i = 0; policy_decision(p, i); i++) {
            struct guest_view view;

            policy_guest_view(policy_decision(p, i), &view);
            if (g_rand_boolean(rand))
                policy_guest_target_sent(policy_decision(p, i), view.verdict.to, now);
        }
    }
    policy_free(p);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *name = g_strdup_printf("/policy/random/%u", i);

        g_test_add_func(name, test_invariants_under_nonsense);
    }
    return g_test_run();
}
