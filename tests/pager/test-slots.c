/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: compared with a plain array of flags, on random orders. */
#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "pager/slots.h"
#include "tests/random.h"

#define SLOTS_MAX 20000

struct model {
    uint64_t count, used;
    bool taken[SLOTS_MAX];
};

static void model_take(struct model *m, uint64_t first, uint64_t n)
{
    g_assert_cmpuint(n, <=, m->count);
    g_assert_cmpuint(first, <=, m->count - n);
    for (uint64_t i = first; i < first + n; i++) {
        g_assert_false(m->taken[i]);
        m->taken[i] = true;
    }
    m->used += n;
}

static void take(struct slots *s, struct model *m, uint64_t wanted)
{
    uint64_t first = 0, n = slots_take(s, wanted, &first);

    g_assert_cmpuint(n, <=, wanted);
    g_assert_true((n == 0) == (m->used == m->count));
    model_take(m, first, n);
}

/* Gives back up to @max taken slots in a row, from about @at on. */
static void give(struct slots *s, struct model *m, uint64_t at, uint64_t max)
{
    uint64_t first = at, n = 0;

    while (first < m->count && !m->taken[first])
        first++;
    while (n < max && first + n < m->count && m->taken[first + n])
        m->taken[first + n++] = false;
    if (n == 0)
        return;
    slots_give(s, first, n);
    m->used -= n;
}

/* @bias: how often of 100 times slots are taken; sets whether it runs full or empty. */
static void random_run(GRand *random, uint64_t count, unsigned bias)
{
    g_autofree struct model *m = g_new0(struct model, 1);
    struct slots *s = slots_new(count);

    m->count = count;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t n = (uint64_t)g_rand_int_range(random, 1, g_rand_boolean(random) ? 4 : 300);
        uint64_t at = (uint64_t)g_rand_int_range(random, 0, (gint32)count);

        if (g_rand_int_range(random, 0, 100) < (gint32)bias)
            take(s, m, n);
        else
            give(s, m, at, n);
        if (g_rand_int_range(random, 0, 20) == 0) {
            bool marked = slots_mark(s, at);

            g_assert_true(marked == !m->taken[at]);
            m->used += marked;
            m->taken[at] = true;
        }
        g_assert_cmpuint(slots_used(s), ==, m->used);
    }
    for (uint64_t i = 0; i < count; i++)
        g_assert_true(slots_mark(s, i) == !m->taken[i]);
    g_assert_cmpuint(slots_used(s), ==, count);
    slots_free(s);
}

static void test_random(void)
{
    static const uint64_t counts[] = {1, 63, 64, 65, 127, 4095, 4096, 4097, 10001, SLOTS_MAX};
    g_autoptr(GRand) random = random_seeded();

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        for (unsigned bias = 30; bias <= 90; bias += 20)
            random_run(random, counts[i], bias);
    }
}

static void test_none(void)
{
    struct slots *s = slots_new(0);
    uint64_t first;

    g_assert_cmpuint(slots_take(s, 10, &first), ==, 0);
    g_assert_false(slots_mark(s, 0));
    g_assert_cmpuint(slots_used(s), ==, 0);
    slots_free(s);
    s = slots_new(10);
    g_assert_cmpuint(slots_take(s, 0, &first), ==, 0);
    g_assert_false(slots_mark(s, 10));
    g_assert_false(slots_mark(s, UINT64_MAX));
    slots_free(s);
    slots_free(NULL);
}

/* What is taken one after the other lies together, and a long run is preferred to scattered holes.
 */
static void test_runs(void)
{
    struct slots *s = slots_new(10000);
    uint64_t first;

    g_assert_cmpuint(slots_take(s, 256, &first), ==, 256);
    g_assert_cmpuint(first, ==, 0);
    g_assert_cmpuint(slots_take(s, 9000, &first), ==, 9000);
    g_assert_cmpuint(first, ==, 256);
    g_assert_cmpuint(slots_take(s, 100000, &first), ==, 744);
    g_assert_cmpuint(first, ==, 9256);
    g_assert_cmpuint(slots_take(s, 1, &first), ==, 0);

    for (uint64_t i = 0; i < 10; i++)
        slots_give(s, i * 100, 1);
    slots_give(s, 5000, 200);
    g_assert_cmpuint(slots_take(s, 100, &first), ==, 100);
    g_assert_cmpuint(first, ==, 5000);
    g_assert_cmpuint(slots_take(s, 100, &first), ==, 100);
    g_assert_cmpuint(first, ==, 5100);
    g_assert_cmpuint(slots_take(s, 100, &first), ==, 1);
    slots_free(s);
}

static void *thread_main(void *data)
{
    struct slots *s = data;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t first, n = slots_take(s, 1 + i % 50, &first);

        if (n > 0)
            slots_give(s, first, n);
    }
    return NULL;
}

static void test_threads(void)
{
    struct slots *s = slots_new(70);
    pthread_t threads[3];

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, thread_main, s), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(pthread_join(threads[i], NULL), ==, 0);
    g_assert_cmpuint(slots_used(s), ==, 0);
    slots_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/slots/none", test_none);
    g_test_add_func("/slots/runs", test_runs);
    g_test_add_func("/slots/random", test_random);
    g_test_add_func("/slots/threads", test_threads);
    return g_test_run();
}
