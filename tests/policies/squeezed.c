/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squeezed's rules, on domains that do what they are told a second later, are stuck, or are slow:
 * what its design promises of each.
 */
#include <glib.h>

#include "policies/peer_squeezed.h"

#define N          3
#define ROUNDS_MAX 200

struct fixture {
    struct squeezed_domain d[N];
    uint64_t host, rate[N]; /* bytes a second by which a domain moves; 0: it is stuck */
    usec_t now;
};

static uint64_t host_free(const struct fixture *f)
{
    uint64_t sum = 0;

    for (int i = 0; i < N; i++)
        sum += f->d[i].actual;
    return u64_sub(f->host, sum);
}

static struct fixture fixture(uint64_t host)
{
    struct fixture f = {.host = host};

    for (int i = 0; i < N; i++) {
        f.d[i] = (struct squeezed_domain){.can_balloon = true,
                                          .dmin = GIB,
                                          .dmax = (unsigned)(2 + 2 * i) * GIB,
                                          .actual = 2 * GIB,
                                          .target = 2 * GIB};
        f.rate[i] = 4 * GIB;
        squeezed_domain_init(&f.d[i], 0);
    }
    return f;
}

static void move(struct fixture *f)
{
    for (int i = 0; i < N; i++) {
        struct squeezed_domain *d = &f->d[i];

        if (d->actual > d->target)
            d->actual = u64_max(d->target, u64_sub(d->actual, f->rate[i]));
        else
            d->actual = u64_min(d->target, d->actual + f->rate[i]);
    }
    f->now += USEC_PER_SEC;
}

static enum squeezed_answer loop(struct fixture *f, bool balance, uint64_t free)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        enum squeezed_answer answer;
        uint64_t before = host_free(f);
        bool changed;

        squeezed_observe(f->d, N, f->now);
        answer = squeezed_step(f->d, N, before, balance, free, &changed);
        if (answer != SQUEEZED_WAIT)
            return answer;
        move(f);
        /* nothing was handed out that was not free */
        g_assert_cmpuint(host_free(f), >=, u64_min(before, SQUEEZED_HOST_TARGET));
    }
    g_assert_not_reached();
    return SQUEEZED_WAIT;
}

/* All stand at the same place between their limits, and what must stay free is free. */
static void test_balance(void)
{
    struct fixture f = fixture(9 * GIB);
    uint64_t gamma_permille[N];

    g_assert_cmpint(loop(&f, true, 0), ==, SQUEEZED_DONE);
    g_assert_cmpuint(host_free(&f), >=, SQUEEZED_HOST_TARGET);
    g_assert_cmpuint(host_free(&f), <, SQUEEZED_HOST_TARGET + 512 * KIB);
    for (int i = 0; i < N; i++)
        gamma_permille[i] = (f.d[i].actual - f.d[i].dmin) * 1000 / (f.d[i].dmax - f.d[i].dmin);
    g_assert_cmpuint(gamma_permille[0], ==, gamma_permille[1]);
    g_assert_cmpuint(gamma_permille[1], ==, gamma_permille[2]);
}

static void test_free(void)
{
    struct fixture f = fixture(7 * GIB);

    g_assert_cmpint(loop(&f, false, 2 * GIB), ==, SQUEEZED_DONE);
    g_assert_cmpuint(host_free(&f), >=, 2 * GIB + SQUEEZED_HOST_TARGET);
}

static void test_cannot(void)
{
    struct fixture f = fixture(6 * GIB);

    g_assert_cmpint(loop(&f, false, 4 * GIB), ==, SQUEEZED_CANNOT);
    for (int i = 0; i < N; i++)
        g_assert_cmpuint(f.d[i].actual, ==, f.d[i].dmin);
}

/* The one that does not move is found out after five seconds, and the others carry its part. */
static void test_stuck(void)
{
    struct fixture f = fixture(9 * GIB);

    f.d[2].actual = f.d[2].target = f.d[2].before = 4 * GIB;
    f.rate[2] = 0;
    g_assert_cmpint(loop(&f, false, 2 * GIB), ==, SQUEEZED_DONE);
    g_assert_true(f.d[2].stuck);
    g_assert_cmpuint(f.now, >, 5 * USEC_PER_SEC);
    g_assert_cmpuint(f.d[2].actual, ==, 4 * GIB);
}

static void test_refused(void)
{
    struct fixture f = fixture(6 * GIB);

    for (int i = 0; i < N; i++)
        f.rate[i] = 0;
    g_assert_cmpint(loop(&f, false, GIB), ==, SQUEEZED_REFUSED);
}

/* One page in five seconds is progress: slow is not stuck. */
static void test_slow(void)
{
    struct fixture f = fixture(6 * GIB);
    bool changed;

    f.rate[0] = 4 * KIB;
    for (int second = 0; second < 60; second++) {
        squeezed_observe(f.d, N, f.now);
        squeezed_step(f.d, N, host_free(&f), false, 2 * GIB, &changed);
        move(&f);
    }
    g_assert_false(f.d[0].stuck);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/squeezed/balance", test_balance);
    g_test_add_func("/policies/squeezed/free", test_free);
    g_test_add_func("/policies/squeezed/cannot", test_cannot);
    g_test_add_func("/policies/squeezed/stuck", test_stuck);
    g_test_add_func("/policies/squeezed/refused", test_refused);
    g_test_add_func("/policies/squeezed/slow", test_slow);
    return g_test_run();
}
