/* SPDX-License-Identifier: Apache-2.0 */
/* Victims of random maps: only what may go, each once, all of it in the end, and fairly chosen. */
#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>

#include "pager/victims.h"
#include "tests/random.h"

#define DEVIATION 5.3 /* standard errors: exceeded once in ten million times */

struct bed {
    char *directory, *path;
    struct pagemap map;
    struct claims *claims;
    struct victims *victims;
};

static void bed_init(struct bed *b, uint64_t pages)
{
    struct pagemap_identity identity = {.name = "vm", .pid = 1, .ram_size = pages * PAGE_BYTES};

    b->directory = g_dir_make_tmp("aerostat-victims-XXXXXX", NULL);
    g_assert_nonnull(b->directory);
    b->path = g_build_filename(b->directory, "vm.map", NULL);
    g_assert_cmpint(pagemap_create(&b->map, b->path, &identity), ==, 0);
    b->claims = claims_new(pages);
    b->victims = NULL;
}

/* To be called once the map is as the pager finds it. */
static void bed_start(struct bed *b, uint64_t seed)
{
    b->victims = victims_new(&b->map, b->claims, seed);
    g_assert_nonnull(b->victims);
}

static void bed_deinit(struct bed *b)
{
    victims_free(b->victims);
    claims_free(b->claims);
    pagemap_close(&b->map);
    g_assert_cmpint(g_unlink(b->path), ==, 0);
    g_assert_cmpint(g_rmdir(b->directory), ==, 0);
    g_free(b->path);
    g_free(b->directory);
}

static void set_state(struct bed *b, uint64_t page, enum page_state state, bool cold)
{
    pagemap_set(&b->map, page, (struct page_place){.state = state, .cold = cold});
}

static void set_range(struct bed *b, uint64_t first, uint64_t n, enum page_state state)
{
    for (uint64_t page = first; page < first + n; page++)
        set_state(b, page, state, false);
}

/* A random map of which a random part is claimed; how many may be chosen. */
static uint64_t fill_randomly(struct bed *b, GRand *rand, bool *allowed)
{
    double resident = pow(g_rand_double(rand), 3), claimed = g_rand_double(rand) / 2;
    uint64_t n = 0;

    for (uint64_t page = 0; page < b->map.pages; page++) {
        bool there = g_rand_double(rand) < resident, taken = g_rand_double(rand) < claimed;
        enum page_state others[] = {PAGE_ABSENT, PAGE_ZERO, PAGE_COMPRESSED, PAGE_SWAPPED};

        set_state(b, page, there ? PAGE_RESIDENT : others[g_rand_int_range(rand, 0, 4)],
                  g_rand_int_range(rand, 0, 20) == 0);
        if (taken)
            g_assert_true(claims_take(b->claims, page));
        allowed[page] = there && !taken;
        n += allowed[page];
    }
    return n;
}

/* What was chosen is allowed, in order, and claimed; it is not allowed again. */
static void check_chosen(struct bed *b, const uint64_t *pages, size_t n, bool *allowed)
{
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(pages[i], <, b->map.pages);
        g_assert_true(allowed[pages[i]]);
        g_assert_false(claims_take(b->claims, pages[i]));
        if (i > 0)
            g_assert_cmpuint(pages[i], >, pages[i - 1]);
        allowed[pages[i]] = false;
    }
}

enum way {
    WAY_CHOOSE,
    WAY_SAMPLE,
    WAY_MAX
};

static size_t take(struct bed *b, enum way way, uint64_t *pages, size_t max)
{
    switch (way) {
    case WAY_CHOOSE:
        return victims_choose(b->victims, pages, max);
    case WAY_SAMPLE:
        return victims_sample(b->victims, pages, max);
    case WAY_MAX:
    default:
        g_assert_not_reached();
    }
}

static void check_random_map(GRand *rand, enum way way)
{
    uint64_t n_pages = (uint64_t)g_rand_int_range(rand, 1, 5000), left;
    g_autofree bool *allowed = g_new0(bool, n_pages);
    uint64_t pages[300];
    struct bed b;
    size_t n;

    bed_init(&b, n_pages);
    left = fill_randomly(&b, rand, allowed);
    bed_start(&b, g_rand_int(rand));
    for (;;) {
        size_t max = (size_t)g_rand_int_range(rand, 1, G_N_ELEMENTS(pages) + 1);

        n = take(&b, way, pages, max);
        g_assert_cmpuint(n, <=, u64_min(max, left));
        if (way != WAY_SAMPLE) /* it may give up where most of the resident pages are claimed */
            g_assert_cmpuint(n, ==, u64_min(max, left));
        if (n == 0)
            break;
        check_chosen(&b, pages, n, allowed);
        left -= n;
    }
    bed_deinit(&b);
}

static void test_random_maps(gconstpointer data)
{
    GRand *rand = random_seeded();

    for (unsigned i = 0; i < 150; i++)
        check_random_map(rand, (enum way)GPOINTER_TO_UINT(data));
    g_rand_free(rand);
}

/* All that can be sampled is, where nobody else holds claims. */
static void test_sample_complete(void)
{
    uint64_t pages[1000];
    struct bed b;

    bed_init(&b, 100000);
    set_range(&b, 5000, 700, PAGE_RESIDENT);
    bed_start(&b, 1);
    g_assert_cmpuint(victims_sample(b.victims, pages, 100), ==, 100);
    g_assert_cmpuint(victims_sample(b.victims, pages, 1000), <=, 600);
    bed_deinit(&b);

    bed_init(&b, 1000);
    set_range(&b, 0, 1000, PAGE_RESIDENT);
    bed_start(&b, 1);
    g_assert_cmpuint(victims_sample(b.victims, pages, 1000), ==, 1000);
    g_assert_cmpuint(victims_sample(b.victims, pages, 1000), ==, 0);
    bed_deinit(&b);
}

static void test_cold_first(void)
{
    uint64_t pages[64];
    struct bed b;

    bed_init(&b, 100000);
    set_range(&b, 0, 100000, PAGE_RESIDENT);
    for (uint64_t i = 0; i < 20; i++)
        set_state(&b, 5000 * i + 7, PAGE_RESIDENT, true);
    bed_start(&b, 2);
    set_state(&b, 11, PAGE_RESIDENT, true);
    victims_cold(b.victims, 11);
    set_state(&b, 12, PAGE_RESIDENT, false); /* said to be cold, but is not */
    victims_cold(b.victims, 12);
    g_assert_cmpuint(victims_choose(b.victims, pages, 21), ==, 21);
    for (size_t i = 0; i < 21; i++)
        g_assert_true(pagemap_get(&b.map, pages[i]).cold);
    g_assert_cmpuint(victims_choose(b.victims, pages, 64), ==, 64);
    bed_deinit(&b);
}

/* More than is remembered: the newest are. */
static void test_cold_bounded(void)
{
    uint64_t pages[5000];
    struct bed b;
    size_t n;

    bed_init(&b, 20000);
    bed_start(&b, 3);
    for (uint64_t page = 0; page < 10000; page++) {
        set_state(&b, page, PAGE_RESIDENT, true);
        victims_cold(b.victims, page);
    }
    n = victims_choose(b.victims, pages, 4096);
    g_assert_cmpuint(n, ==, 4096);
    g_assert_cmpuint(pages[0], ==, 10000 - 4096);
    g_assert_cmpuint(victims_choose(b.victims, pages, 100), ==, 100);
    bed_deinit(&b);
}

/*
 * Half of the resident pages lie close, half apart: both must be chosen equally often. @per_draw:
 * pages that come together, which makes observations dependent.
 */
static void check_fair(enum way way, uint64_t gap, size_t max, unsigned per_draw)
{
    GRand *rand = random_seeded();
    uint64_t half = 2048, pages[512];
    unsigned rounds = 2000, apart = 0, all = 0;
    double error, bound;
    struct bed b;

    bed_init(&b, half + half * gap);
    set_range(&b, 0, half, PAGE_RESIDENT);
    for (uint64_t i = 0; i < half; i++)
        set_state(&b, half + i * gap, PAGE_RESIDENT, false);
    bed_start(&b, g_rand_int(rand));
    for (unsigned round = 0; round < rounds; round++) {
        size_t n = take(&b, way, pages, max);

        g_assert_cmpuint(n, ==, max);
        for (size_t i = 0; i < n; i++) {
            apart += pages[i] >= half;
            g_assert_cmpuint(claims_give(b.claims, pages[i]), ==, 0);
        }
        all += (unsigned)n;
    }
    error = (double)apart / all - 0.5;
    bound = DEVIATION * sqrt(0.25 * per_draw / all);
    g_test_message("gap %" G_GUINT64_FORMAT ": error %+.4f, bound %.4f", gap, error, bound);
    g_assert_cmpfloat(fabs(error), <, bound);
    g_rand_free(rand);
    bed_deinit(&b);
}

static void test_fair(void)
{
    check_fair(WAY_SAMPLE, 4, 100, 1);   /* probing */
    check_fair(WAY_SAMPLE, 200, 100, 1); /* a draw from all */
    check_fair(WAY_CHOOSE, 4, 512, 64);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/victims/random-maps/choose", GUINT_TO_POINTER(WAY_CHOOSE),
                         test_random_maps);
    g_test_add_data_func("/victims/random-maps/sample", GUINT_TO_POINTER(WAY_SAMPLE),
                         test_random_maps);
    g_test_add_func("/victims/sample-complete", test_sample_complete);
    g_test_add_func("/victims/cold-first", test_cold_first);
    g_test_add_func("/victims/cold-bounded", test_cold_bounded);
    g_test_add_func("/victims/fair", test_fair);
    return g_test_run();
}
