/* SPDX-License-Identifier: Apache-2.0 */
/* All mechanisms together, by the host's state, on hosts that run out of memory quickly. */
#include <glib.h>

#include "model.h"

#define TICK (20 * USEC_PER_MSEC)

static struct host_view view_of(const struct model *m)
{
    struct host_view view;

    policy_host_view(m->policy, &view);
    return view;
}

static void init_fast(struct model *m, uint64_t capacity)
{
    model_init(m, capacity);
    m->tick = TICK;
}

/* A guest that only the host can take from. */
static struct model_guest *add_silent(struct model *m, uint64_t size, bool kernel)
{
    struct model_guest *g = model_add(m, size);

    g->driver = MODEL_NO_DEVICE;
    g->pager = true;
    g->kernel = kernel;
    g->cold_first = true;
    g->hot = size / 4;
    return g;
}

/* No guest has a driver, and demand doubles in five seconds. */
static void storm(bool kernel, uint64_t each)
{
    struct model m;
    struct model_guest *g[5];

    init_fast(&m, 700 * MIB);
    for (unsigned i = 0; i < 5; i++) {
        g[i] = add_silent(&m, 256 * MIB, kernel);
        g[i]->demand = 100 * MIB;
    }
    model_run(&m, 10);
    for (unsigned i = 0; i < 5; i++) {
        g[i]->demand = 200 * MIB;
        g[i]->growth = each;
    }
    model_run(&m, 20);
    struct host_view host = view_of(&m);
    g_test_message("most held: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                   " MiB, minfree %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " looks",
                   m.most_held / MIB, host.capacity / MIB, host.minfree / MIB, m.looks);
    g_assert_cmpuint(m.most_held, <=, host.capacity + host.minfree);
    for (unsigned i = 0; i < 5; i++)
        g_assert_cmpuint(g[i]->used, >=, 200 * MIB);
    model_deinit(&m);
}

static void test_storm(void)
{
    storm(false, 20 * MIB);
}

static void test_fast_storm(void)
{
    storm(false, 60 * MIB);
}

static void test_kernel_storm(void)
{
    storm(true, 20 * MIB);
}

static void test_fast_kernel_storm(void)
{
    storm(true, 30 * MIB);
}

/* Demand of twice the capacity with a disk that is slower than the guests are. */
static void add_overload(struct model *m, struct model_guest **g, unsigned n, bool kernel)
{
    for (unsigned i = 0; i < n; i++) {
        g[i] = add_silent(m, 400 * MIB, kernel);
        g[i]->hot = 0;
        g[i]->demand = 100 * MIB;
        g[i]->evict_rate = 12 * MIB;
    }
    model_run(m, 5);
    for (unsigned i = 0; i < n; i++)
        g[i]->demand = 360 * MIB;
}

/* Who is farther above his target is held longer, in proportion. */
static void test_blocking_is_fair(void)
{
    struct model m;
    struct model_guest *g[4];

    init_fast(&m, 720 * MIB);
    add_overload(&m, g, 4, true);
    g[0]->settings.shares = 8000;
    g[1]->settings.shares = 2000;
    model_run(&m, 60);
    for (unsigned i = 0; i < 4; i++) {
        double part = (double)g[i]->blocked / (double)g[i]->view.block_owed;

        g_test_message("guest %u: blocked %.2f s of %.2f s, in %" G_GUINT64_FORMAT " slices", i,
                       (double)g[i]->blocked / 1e6, (double)g[i]->view.block_owed / 1e6,
                       g[i]->blocks);
        if (g[i]->view.block_owed < 2 * USEC_PER_SEC)
            continue;
        g_assert_cmpfloat(part, >, 0.9);
        g_assert_cmpfloat(part, <, 1.1);
    }
    g_assert_cmpuint(g[0]->blocked + g[1]->blocked + g[2]->blocked + g[3]->blocked, >, 0);
    /* It ends with the state. */
    for (unsigned i = 0; i < 4; i++) {
        g[i]->demand = 60 * MIB;
        g[i]->evict_rate = 300 * MIB;
    }
    model_run(&m, 30);
    usec_t before = g[0]->blocked;
    model_run(&m, 20);
    g_assert_cmpint(view_of(&m).state, <, HOST_LOW);
    g_assert_cmpuint(g[0]->blocked, ==, before);
    model_deinit(&m);
}

/* Pages that should go out and do not: held as long as that lasts, whatever went before. */
static void test_blocking_where_nothing_goes_out(void)
{
    struct model m;
    struct model_guest *g[2];

    init_fast(&m, 400 * MIB);
    add_overload(&m, g, 2, true);
    g[0]->evict_rate = g[1]->evict_rate = 0;
    model_run(&m, 30);
    usec_t before = g[0]->blocked + g[1]->blocked;
    model_run(&m, 20);
    g_assert_cmpint(view_of(&m).state, ==, HOST_LOW);
    g_assert_cmpuint(g[0]->blocked + g[1]->blocked, >, before + 8 * USEC_PER_SEC);
    g_assert_cmpuint(g[0]->blocked, <, 50 * USEC_PER_SEC / 2);
    model_deinit(&m);
}

/* Time until U <= C - minfree after C has fallen by 30 %, of guests that use what they have. */
static double time_after_step(bool pagers)
{
    struct model m;
    struct host_view host;

    init_fast(&m, 1600 * MIB);
    for (unsigned i = 0; i < 4; i++) {
        struct model_guest *g = model_add(&m, 400 * MIB);

        g->swap_size = 400 * MIB;
        g->demand = 350 * MIB;
        g->pager = pagers;
        g->cold_first = true;
        g->hot = 150 * MIB;
    }
    model_run(&m, 30);
    m.host.capacity = m.host.capacity * 7 / 10;
    usec_t begun = m.now;
    do {
        model_step(&m);
        policy_host_view(m.policy, &host);
    } while (host.capacity != m.host.capacity || model_held(&m) + host.minfree > host.capacity);
    double seconds = (double)(m.now - begun) / (double)USEC_PER_SEC;

    model_deinit(&m);
    return seconds;
}

static void test_step_of_capacity(void)
{
    double alone = time_after_step(false), all = time_after_step(true);

    g_test_message("after a step of 30 %% of C: %.2f s, with balloons alone %.2f s", all, alone);
    g_assert_cmpfloat(all * 3, <=, alone);
}

/* With time, balloons alone do; nothing is put out, and nobody held. */
static void test_balloons_do_where_there_is_time(void)
{
    struct model m;

    init_fast(&m, 1300 * MIB);
    struct model_guest *idle = model_add(&m, GIB), *busy = model_add(&m, 512 * MIB);
    idle->pager = busy->pager = true;
    idle->demand = GIB - 60 * MIB;
    model_run(&m, 30);
    idle->demand = 40 * MIB;
    for (unsigned i = 0; i < 80; i++) {
        busy->demand += 5 * MIB;
        model_run(&m, 1);
    }
    g_assert_cmpuint(idle->out + busy->out, ==, 0);
    g_assert_cmpuint(idle->actual, <, 900 * MIB);
    g_assert_cmpuint(busy->used, >=, 420 * MIB);
    g_assert_cmpuint(m.most_held, <, 1300 * MIB);
    g_assert_cmpuint(idle->blocks + busy->blocks, ==, 0);
    /* How fast it went is remembered. */
    g_assert_cmpuint(idle->view.balloon_rate, >, 20 * MIB);
    g_assert_cmpuint(idle->view.balloon_rate, <, 120 * MIB);
    model_deinit(&m);
}

/* Growth that a balloon known to be slow can't keep ahead of: pages go out before state hard. */
static void test_ahead_of_a_slow_balloon(void)
{
    struct model m;
    bool hard = false;

    init_fast(&m, 1400 * MIB);
    struct model_guest *idle = model_add(&m, GIB), *busy = model_add(&m, GIB);
    idle->pager = true;
    idle->cold_first = true;
    idle->hot = 100 * MIB;
    idle->balloon_rate = 8 * MIB;
    idle->demand = GIB - 60 * MIB;
    model_run(&m, 20);
    busy->demand = 380 * MIB;
    idle->demand = 40 * MIB;
    model_run(&m, 60);
    uint64_t out = idle->out;
    busy->growth = 40 * MIB;
    busy->demand = 700 * MIB;
    for (unsigned i = 0; i < 20 * 50; i++) {
        model_step(&m);
        hard |= view_of(&m).state >= HOST_HARD;
    }
    g_assert_cmpuint(idle->out, >, out + 100 * MIB);
    g_assert_false(hard);
    g_assert_cmpuint(busy->used, >=, 690 * MIB);
    model_deinit(&m);
}

/* Both kinds, the same shares: the same memory. */
static void test_both_kinds_are_equal(void)
{
    struct model m;
    struct model_guest *g[4];

    init_fast(&m, 1000 * MIB);
    for (unsigned i = 0; i < 4; i++) {
        g[i] = add_silent(&m, 400 * MIB, i % 2 == 0);
        g[i]->hot = 0;
        g[i]->demand = 360 * MIB;
    }
    model_run(&m, 90);
    for (unsigned i = 1; i < 4; i++) {
        g_assert_cmpfloat((double)g[i]->resident, <, 1.1 * (double)g[0]->resident);
        g_assert_cmpfloat((double)g[i]->resident, >, 0.9 * (double)g[0]->resident);
    }
    g_assert_cmpuint(model_held(&m), <=, 1000 * MIB);
    model_deinit(&m);
}

/* Swap of its own that is too small: ballooned as far as that goes, the rest is the host's. */
static void test_guest_swap_is_short(void)
{
    struct model m;

    model_init(&m, 700 * MIB);
    struct model_guest *a = model_add(&m, 512 * MIB), *b = add_silent(&m, 512 * MIB, false);
    a->pager = true;
    a->swap_size = 60 * MIB;
    a->demand = 500 * MIB; /* more than it has: it shows that it has swap */
    model_run(&m, 30);
    g_assert_cmpint(a->view.swap, ==, GUEST_SWAP_PRESENT);
    a->demand = 440 * MIB;
    b->demand = 440 * MIB;
    b->hot = 0;
    model_run(&m, 120);
    g_test_message("swap %s, seen %" G_GUINT64_FORMAT " MiB", guest_swap_name(a->view.swap),
                   a->view.guest_swap_seen / MIB);
    g_assert_cmpuint(a->used + a->swapped, >=, 430 * MIB);
    g_assert_cmpint(a->view.swap, ==, GUEST_SWAP_SHORT);
    g_assert_cmpuint(a->out, >, 30 * MIB);
    g_assert_cmpuint(view_of(&m).free, >, 0);
    model_deinit(&m);
}

/* What it waits for pages is its lost time, and it does not last where memory is free again. */
static void test_lost_time(void)
{
    struct model m;

    init_fast(&m, 700 * MIB);
    struct model_guest *a = add_silent(&m, 512 * MIB, false), *b = add_silent(&m, 512 * MIB, false);
    a->demand = b->demand = 440 * MIB;
    a->hot = b->hot = 0;
    model_run(&m, 60);
    g_assert_cmpfloat(a->view.lost_part, >, 0.2);
    g_assert_cmpuint(a->view.lost[LOST_HOST_SWAP], >, 10 * USEC_PER_SEC);
    g_assert_cmpuint(a->view.lost[LOST_GUEST_SWAP], ==, 0);
    g_assert_true(a->view.distress & DISTRESS_PAGING);
    model_end(&m, b);
    model_run(&m, 60);
    g_assert_cmpfloat(a->view.lost_part, <, 0.02);
    g_assert_cmpuint(a->view.distress, ==, 0);
    model_deinit(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/states/storm", test_storm);
    g_test_add_func("/states/fast-storm", test_fast_storm);
    g_test_add_func("/states/kernel-storm", test_kernel_storm);
    g_test_add_func("/states/fast-kernel-storm", test_fast_kernel_storm);
    g_test_add_func("/states/blocking-fair", test_blocking_is_fair);
    g_test_add_func("/states/blocking-futile", test_blocking_where_nothing_goes_out);
    g_test_add_func("/states/step", test_step_of_capacity);
    g_test_add_func("/states/balloons-alone", test_balloons_do_where_there_is_time);
    g_test_add_func("/states/ahead", test_ahead_of_a_slow_balloon);
    g_test_add_func("/states/both-kinds", test_both_kinds_are_equal);
    g_test_add_func("/states/swap-short", test_guest_swap_is_short);
    g_test_add_func("/states/lost-time", test_lost_time);
    return g_test_run();
}
