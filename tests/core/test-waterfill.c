/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact solver against what it claims to compute: min-funding revocation one page at a time,
 * which is slow and obviously right; and the properties that the design promises, on random hosts.
 */
#include <assert.h>
#include <string.h>

#include "random-host.h"

#define ROUNDS 3000

/*
 * Revocation goes in parts of a page: in whole pages, a guest with many shares ends up holding what
 * rounding took from each of the others, up to a page from every one of them.
 */
#define REVOKE_UNIT   (PAGE / 64)
#define REVOKE_ROUNDS 300
static_assert(REVOKE_UNIT * HOST_MAX < PAGE, "rounding of all guests together stays below a page");

/* Waldspurger's price of the guest's memory when it holds @held bytes: shares over taxed pages. */
static double price(const struct waterfill_guest *g, uint64_t held, double tax)
{
    double f = held ? (double)u64_min(held, g->active) / (double)held : 1;
    double k = 1 / (1 - tax);

    return g->shares / ((double)held * (f + k * (1 - f)));
}

/* Everybody holds hi; take a unit from who pays least for it, until it fits. */
static void revoke_page_by_page(const struct waterfill_guest *guests, size_t n, uint64_t available,
                                double tax, uint64_t *held)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += held[i] = guests[i].hi;
    while (sum > available) {
        size_t victim = n;

        for (size_t i = 0; i < n; i++)
            if (held[i] > guests[i].lo &&
                (victim == n ||
                 price(&guests[i], held[i], tax) < price(&guests[victim], held[victim], tax)))
                victim = i;
        if (victim == n)
            return;
        held[victim] -= REVOKE_UNIT;
        sum -= REVOKE_UNIT;
    }
}

static uint64_t sum_of_targets(const struct waterfill_guest *guests, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += guests[i].target;
    return sum;
}

static void test_equals_page_by_page_revocation(void)
{
    GRand *rand = random_seeded();
    struct waterfill_guest guests[HOST_MAX];
    uint64_t held[HOST_MAX], available;

    for (unsigned round = 0; round < REVOKE_ROUNDS; round++) {
        double tax = random_tax(rand);
        size_t n = random_guests(rand, guests, &available);

        g_assert_cmpint(waterfill(guests, n, available, tax), ==, 0);
        revoke_page_by_page(guests, n, available, tax, held);
        for (size_t i = 0; i < n; i++) {
            g_assert_cmpuint(guests[i].target, <=, held[i] + PAGE);
            g_assert_cmpuint(held[i], <=, guests[i].target + PAGE);
        }
    }
    g_rand_free(rand);
}

static void test_keeps_bounds_and_sum(void)
{
    GRand *rand = random_seeded();
    struct waterfill_guest guests[HOST_MAX];
    uint64_t available;

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = random_guests(rand, guests, &available);
        uint64_t lo = 0, hi = 0;

        g_assert_cmpint(waterfill(guests, n, available, random_tax(rand)), ==, 0);
        for (size_t i = 0; i < n; i++) {
            g_assert_cmpuint(guests[i].target, >=, guests[i].lo);
            g_assert_cmpuint(guests[i].target, <=, guests[i].hi);
            lo += guests[i].lo;
            hi += guests[i].hi;
        }
        g_assert_cmpuint(sum_of_targets(guests, n), ==, u64_clamp(available, lo, hi));
    }
    g_rand_free(rand);
}

/* Solves twice, the second time with @change applied to one guest; returns that guest's two
 * targets. */
static void solve_changed(GRand *rand, void (*change)(struct waterfill_guest *, GRand *),
                          uint64_t *before, uint64_t *after)
{
    struct waterfill_guest guests[HOST_MAX];
    uint64_t available;
    double tax = random_tax(rand);
    size_t n = random_guests(rand, guests, &available);
    size_t who = (size_t)g_rand_int_range(rand, 0, (gint32)n);

    g_assert_cmpint(waterfill(guests, n, available, tax), ==, 0);
    *before = guests[who].target;
    change(&guests[who], rand);
    g_assert_cmpint(waterfill(guests, n, available, tax), ==, 0);
    *after = guests[who].target;
}

static void more_shares(struct waterfill_guest *g, GRand *rand)
{
    g->shares *= 1 + g_rand_double(rand) * 10;
}

static void more_activity(struct waterfill_guest *g, GRand *rand)
{
    g->active += random_pages(rand, PAGES_MAX * PAGE);
}

static void test_more_shares_never_get_less(void)
{
    GRand *rand = random_seeded();
    uint64_t before, after;

    for (unsigned round = 0; round < ROUNDS; round++) {
        solve_changed(rand, more_shares, &before, &after);
        g_assert_cmpuint(after + HOST_MAX, >=, before); /* bytes of rounding */
    }
    g_rand_free(rand);
}

static void test_more_activity_never_gets_less(void)
{
    GRand *rand = random_seeded();
    uint64_t before, after;

    for (unsigned round = 0; round < ROUNDS; round++) {
        solve_changed(rand, more_activity, &before, &after);
        g_assert_cmpuint(after + HOST_MAX, >=, before);
    }
    g_rand_free(rand);
}

static void test_without_tax_it_is_proportional_share(void)
{
    struct waterfill_guest guests[] = {
        {.shares = 4, .active = 0, .hi = GIB},
        {.shares = 2, .active = GIB, .hi = GIB},
        {.shares = 1, .active = 100 * MIB, .hi = GIB},
    };

    g_assert_cmpint(waterfill(guests, 3, 700 * MIB, 0), ==, 0);
    g_assert_cmpuint(guests[0].target, ==, 400 * MIB);
    g_assert_cmpuint(guests[1].target, ==, 200 * MIB);
    g_assert_cmpuint(guests[2].target, ==, 100 * MIB);
}

static void test_idle_guest_keeps_a_quarter_of_a_busy_one(void)
{
    struct waterfill_guest guests[] = {
        {.shares = 1, .active = 0, .hi = GIB},
        {.shares = 1, .active = GIB, .hi = GIB},
    };

    g_assert_cmpint(waterfill(guests, 2, 1000 * MIB, 0.75), ==, 0);
    g_assert_cmpuint(guests[0].target, ==, 200 * MIB);
    g_assert_cmpuint(guests[1].target, ==, 800 * MIB);
}

static void test_equal_guests_rank_by_activity(void)
{
    GRand *rand = random_seeded();
    struct waterfill_guest guests[HOST_MAX];
    uint64_t available;

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = random_guests(rand, guests, &available);

        for (size_t i = 1; i < n; i++) {
            guests[i].shares = guests[0].shares;
            guests[i].lo = guests[0].lo;
            guests[i].hi = guests[0].hi;
        }
        g_assert_cmpint(waterfill(guests, n, available, random_tax(rand)), ==, 0);
        for (size_t i = 1; i < n; i++) {
            const struct waterfill_guest *a = &guests[i - 1], *b = &guests[i];

            if (a->active >= b->active)
                g_assert_cmpuint(a->target + HOST_MAX, >=, b->target);
            else
                g_assert_cmpuint(b->target + HOST_MAX, >=, a->target);
        }
    }
    g_rand_free(rand);
}

static void test_reservations_forbid(void)
{
    struct waterfill_guest guests[] = {
        {.shares = 1, .lo = 600 * MIB, .hi = GIB},
        {.shares = 9, .lo = 600 * MIB, .hi = GIB},
    };

    g_assert_cmpint(waterfill(guests, 2, 1000 * MIB, 0.75), ==, 0);
    g_assert_cmpuint(guests[0].target, ==, 600 * MIB);
    g_assert_cmpuint(guests[1].target, ==, 600 * MIB);
}

static void test_large_hosts_stay_exact(void)
{
    static struct waterfill_guest guests[20000];
    GRand *rand = random_seeded();
    uint64_t hi = 0;

    memset(guests, 0, sizeof(guests));
    for (size_t i = 0; i < G_N_ELEMENTS(guests); i++) {
        guests[i].shares = g_rand_int_range(rand, 1, 1 << 30);
        guests[i].hi = ((uint64_t)g_rand_int(rand) << 9) + 1; /* up to 2 TiB, odd bytes */
        guests[i].active = (uint64_t)g_rand_int(rand) << 9;
        hi += guests[i].hi;
    }
    g_assert_cmpint(waterfill(guests, G_N_ELEMENTS(guests), hi / 3, 0.75), ==, 0);
    g_assert_cmpuint(sum_of_targets(guests, G_N_ELEMENTS(guests)), ==, hi / 3);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/waterfill/page-by-page", test_equals_page_by_page_revocation);
    g_test_add_func("/waterfill/bounds", test_keeps_bounds_and_sum);
    g_test_add_func("/waterfill/shares", test_more_shares_never_get_less);
    g_test_add_func("/waterfill/activity", test_more_activity_never_gets_less);
    g_test_add_func("/waterfill/no-tax", test_without_tax_it_is_proportional_share);
    g_test_add_func("/waterfill/tax", test_idle_guest_keeps_a_quarter_of_a_busy_one);
    g_test_add_func("/waterfill/equal", test_equal_guests_rank_by_activity);
    g_test_add_func("/waterfill/reservations", test_reservations_forbid);
    g_test_add_func("/waterfill/large", test_large_hosts_stay_exact);
    return g_test_run();
}
