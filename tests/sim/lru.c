/* SPDX-License-Identifier: Apache-2.0 */
/* The fluid LRU against a real one, page by page. */
#include "sim/lru.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>

#define CLASSES 3
#define PAGES   3000 /* of all classes */
#define FIT     1500

static const unsigned class_pages[CLASSES] = {300, 700, 2000};
static const double class_use[CLASSES] = {1, 0.1, 0.02};

/* --- page by page --- */

struct list {
    unsigned next[PAGES + 1], before[PAGES + 1]; /* PAGES: the head; next of it: newest */
    bool there[PAGES];
    unsigned n;
};

static void unlink_page(struct list *l, unsigned page)
{
    l->next[l->before[page]] = l->next[page];
    l->before[l->next[page]] = l->before[page];
}

static void link_newest(struct list *l, unsigned page)
{
    l->next[page] = l->next[PAGES];
    l->before[page] = PAGES;
    l->before[l->next[PAGES]] = page;
    l->next[PAGES] = page;
}

static void use(struct list *l, unsigned page)
{
    if (l->there[page]) {
        unlink_page(l, page);
    } else if (l->n == FIT) {
        unsigned oldest = l->before[PAGES];

        unlink_page(l, oldest);
        l->there[oldest] = false;
    } else {
        l->n++;
    }
    l->there[page] = true;
    link_newest(l, page);
}

static unsigned random_page(GRand *rand)
{
    double all = 0, at;
    unsigned first = 0, i;

    for (i = 0; i < CLASSES; i++)
        all += class_pages[i] * class_use[i];
    at = g_rand_double(rand) * all;
    for (i = 0; i + 1 < CLASSES && at >= class_pages[i] * class_use[i]; i++) {
        at -= class_pages[i] * class_use[i];
        first += class_pages[i];
    }
    return first + (unsigned)g_rand_int_range(rand, 0, (gint32)class_pages[i]);
}

/* Average parts of the classes that are there, once it has settled. */
static void page_by_page(double *ret)
{
    struct list *l = g_new0(struct list, 1);
    GRand *rand = g_rand_new_with_seed(1);
    const unsigned uses = 400000, looks = 100;

    l->next[PAGES] = l->before[PAGES] = PAGES;
    for (unsigned i = 0; i < uses; i++) {
        use(l, random_page(rand));
        if (i < uses / 2 || i % (uses / 2 / looks))
            continue;
        for (unsigned c = 0, page = 0; c < CLASSES; c++)
            for (unsigned j = 0; j < class_pages[c]; j++)
                ret[c] += l->there[page++] ? 1.0 / looks / class_pages[c] : 0;
    }
    g_rand_free(rand);
    g_free(l);
}

/* --- the fluid --- */

static void fluid(double dt, double *ret)
{
    double there[CLASSES], age = LRU_AGE_MAX;
    struct lru_entry e[CLASSES];

    for (unsigned c = 0; c < CLASSES; c++)
        there[c] = (double)class_pages[c] * FIT / PAGES;
    for (double t = 0; t < 2000; t += dt) {
        double sum = 0;

        age += dt;
        for (unsigned c = 0; c < CLASSES; c++) {
            there[c] += (class_pages[c] - there[c]) * (1 - exp(-dt * class_use[c]));
            e[c] =
                (struct lru_entry){.bytes = there[c], .use = class_use[c], .age = age, .keep = 1};
            sum += there[c];
        }
        age = fmin(age, lru_choose(e, CLASSES, sum - FIT));
        for (unsigned c = 0; c < CLASSES; c++)
            there[c] -= e[c].victim;
    }
    for (unsigned c = 0; c < CLASSES; c++)
        ret[c] = there[c] / class_pages[c];
}

static void test_settles_as_a_real_one(void)
{
    static const double ticks[] = {0.05, 1, 2};
    double real[CLASSES] = {0};

    page_by_page(real);
    for (unsigned i = 0; i < G_N_ELEMENTS(ticks); i++) {
        double model[CLASSES];

        fluid(ticks[i], model);
        for (unsigned c = 0; c < CLASSES; c++)
            g_assert_cmpfloat_with_epsilon(model[c], real[c], 0.03);
    }
}

static void test_takes_what_is_needed(void)
{
    struct lru_entry e[] = {{.bytes = 100, .use = 10, .age = 1000, .keep = 1},
                            {.bytes = 100, .use = 0.1, .age = 1000, .keep = 1},
                            {.bytes = 100, .use = 0.001, .age = 1000, .keep = 1}};

    for (double need = 0.001; need < 300; need *= 1.7) {
        lru_choose(e, 3, need);
        g_assert_cmpfloat_with_epsilon(e[0].victim + e[1].victim + e[2].victim, need, need / 100);
        g_assert_cmpfloat(e[2].victim, >=, e[1].victim - 1e-9);
        g_assert_cmpfloat(e[1].victim, >=, e[0].victim - 1e-9);
    }
    lru_choose(e, 3, 50);
    g_assert_cmpfloat(e[0].victim, <, 1e-6);
    lru_choose(e, 3, 1000);
    g_assert_cmpfloat(e[0].victim + e[1].victim + e[2].victim, ==, 300);
    lru_choose(e, 3, 0);
    g_assert_cmpfloat(e[0].victim + e[1].victim + e[2].victim, ==, 0);
}

/* Of two lists the one that is to be kept longer gives less. */
static void test_keeps(void)
{
    struct lru_entry e[] = {{.bytes = 100, .use = 1, .age = 10, .keep = 2},
                            {.bytes = 100, .use = 1, .age = 10, .keep = 1}};
    double age = lru_choose(e, 2, 60);

    g_assert_cmpfloat(e[0].victim, <, e[1].victim / 2);
    g_assert_cmpfloat_with_epsilon(100 - e[1].victim, 100 * (1 - exp(-age)), 1);
    g_assert_cmpfloat_with_epsilon(100 - e[0].victim, 100 * (1 - exp(-2 * age)), 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/lru/settles-as-a-real-one", test_settles_as_a_real_one);
    g_test_add_func("/sim/lru/takes-what-is-needed", test_takes_what_is_needed);
    g_test_add_func("/sim/lru/keeps", test_keeps);
    return g_test_run();
}
