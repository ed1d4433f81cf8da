/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampler against guests whose working set is known: exact where the fates of samples are laid
 * down, within 5.3 standard errors (one failure in ten million) where they are drawn.
 */
#include <glib.h>
#include <math.h>

#include "pager/sampler.h"
#include "pager/samples.h"
#include "tests/random.h"

#define WINDOW    (30 * USEC_PER_SEC)
#define T0        (1000 * USEC_PER_SEC)
#define LONGEST   (600 * USEC_PER_SEC)
#define UNKNOWN   UINT64_MAX
#define DEVIATION 5.3

struct bed {
    struct pagemap_figures figures;
    struct sampler *sampler;
    usec_t ask_again;
};

static void bed_init(struct bed *b, uint64_t resident)
{
    *b = (struct bed){0};
    atomic_store(&b->figures.pages[PAGE_RESIDENT], resident);
    b->sampler = sampler_new(&b->figures);
    sampler_configure(b->sampler, 0, WINDOW, T0);
}

static void bed_deinit(struct bed *b)
{
    sampler_free(b->sampler);
}

static unsigned due(struct bed *b, usec_t now)
{
    return sampler_due(b->sampler, now, &b->ask_again);
}

/* A window of @n samples of pages from @first on, begun at @now. */
static void begin_window(struct bed *b, unsigned n, uint64_t first, usec_t now)
{
    sampler_configure(b->sampler, n, WINDOW, now);
    g_assert_cmpuint(due(b, now), ==, n);
    for (unsigned i = 0; i < n; i++)
        sampler_added(b->sampler, first + i, now);
}

static void touch_range(struct bed *b, uint64_t first, uint64_t n, usec_t now)
{
    for (uint64_t page = first; page < first + n; page++)
        sampler_touched(b->sampler, page, now);
}

static void lose_range(struct bed *b, uint64_t first, uint64_t n, usec_t now)
{
    for (uint64_t page = first; page < first + n; page++)
        sampler_lost(b->sampler, page, now);
}

static void test_nothing_known(void)
{
    struct bed b;
    uint64_t page;

    bed_init(&b, 100000);
    g_assert_cmpuint(due(&b, T0), ==, 0);
    g_assert_cmpuint(b.ask_again, ==, USEC_NEVER);
    g_assert_cmpuint(b.figures.window_permille, ==, UNKNOWN);
    sampler_configure(b.sampler, 10, WINDOW, T0);
    g_assert_cmpuint(due(&b, T0), ==, 10);
    g_assert_cmpuint(b.ask_again, ==, T0 + WINDOW);
    g_assert_cmpuint(due(&b, T0 + 1), ==, 0);
    sampler_touched(b.sampler, 5, T0 + 1); /* no sample */
    sampler_lost(b.sampler, 5, T0 + 1);
    g_assert_cmpuint(sampler_retired(b.sampler, &page, 1, T0 + 1), ==, 0);
    /* None could be moved: no result, and the next window is asked for. */
    g_assert_cmpuint(due(&b, T0 + WINDOW), ==, 10);
    g_assert_cmpuint(b.figures.window_permille, ==, UNKNOWN);
    g_assert_cmpuint(b.figures.sample_windows, ==, 0);
    bed_deinit(&b);
}

static void test_window(void)
{
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    begin_window(&b, 100, 0, T0);
    touch_range(&b, 0, 20, T0 + 1);
    g_assert_cmpuint(b.figures.current_permille, ==, 200);
    touch_range(&b, 0, 20, T0 + 2); /* only the first touch counts */
    touch_range(&b, 20, 10, T0 + WINDOW - 1);
    g_assert_cmpuint(b.figures.current_permille, ==, 300);
    touch_range(&b, 30, 10, T0 + WINDOW); /* too late, even before the window is closed */
    g_assert_cmpuint(b.figures.window_permille, ==, UNKNOWN);
    g_assert_cmpuint(due(&b, T0 + WINDOW + 5), ==, 100);
    g_assert_cmpuint(b.figures.window_permille, ==, 300);
    g_assert_cmpuint(b.figures.current_permille, ==, 0);
    g_assert_cmpuint(b.figures.sample_windows, ==, 1);
    g_assert_cmpuint(b.figures.sampled, ==, 100);
    g_assert_cmpuint(b.figures.touched, ==, 30);
    g_assert_cmpuint(b.ask_again, ==, T0 + 2 * WINDOW + 5);
    bed_deinit(&b);
}

static void test_window_lasts_from_the_last_sample(void)
{
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    sampler_configure(b.sampler, 2, WINDOW, T0);
    g_assert_cmpuint(due(&b, T0), ==, 2);
    sampler_added(b.sampler, 1, T0);
    sampler_added(b.sampler, 2, T0 + WINDOW / 2); /* the mover was busy */
    g_assert_cmpuint(due(&b, T0 + WINDOW), ==, 0);
    g_assert_cmpuint(b.ask_again, ==, T0 + WINDOW + WINDOW / 2);
    sampler_touched(b.sampler, 1, T0 + WINDOW + 1); /* not within a window of its own time */
    sampler_touched(b.sampler, 2, T0 + WINDOW + 1);
    g_assert_cmpuint(due(&b, T0 + WINDOW + WINDOW / 2), ==, 2);
    g_assert_cmpuint(b.figures.window_permille, ==, 500);
    bed_deinit(&b);
}

/* While they are still being added, what has been touched is a part of what was asked for. */
static void test_current_does_not_jump(void)
{
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    sampler_configure(b.sampler, 100, WINDOW, T0);
    (void)due(&b, T0);
    sampler_added(b.sampler, 0, T0 + 1);
    sampler_touched(b.sampler, 0, T0 + 2);
    g_assert_cmpuint(b.figures.current_permille, ==, 10);
    for (unsigned i = 1; i < 50; i++)
        sampler_added(b.sampler, i, T0 + 3);
    touch_range(&b, 1, 9, T0 + WINDOW - 1); /* no more came */
    g_assert_cmpuint(b.figures.current_permille, ==, 200);
    bed_deinit(&b);
}

static void test_lost(void)
{
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    begin_window(&b, 100, 0, T0);
    touch_range(&b, 0, 40, T0 + 5);
    lose_range(&b, 40, 20, T0 + 6);
    g_assert_cmpuint(due(&b, T0 + WINDOW), ==, 100);
    g_assert_cmpuint(b.figures.window_permille, ==,
                     444); /* 40 of 90: half a page for a page lost */
    for (unsigned i = 0; i < 100; i++)
        sampler_added(b.sampler, 100 + i, T0 + WINDOW);
    touch_range(&b, 100, 49, T0 + WINDOW + 1);
    lose_range(&b, 149, 51, T0 + WINDOW + 2);
    g_assert_cmpuint(due(&b, T0 + 2 * WINDOW), ==, 100);
    g_assert_cmpuint(b.figures.window_permille, ==, 444); /* most lost: nothing new is known */
    g_assert_cmpuint(b.figures.sample_windows, ==, 1);
    bed_deinit(&b);
}

/* A page that is sampled again without word of its return was lost in between. */
static void test_added_twice(void)
{
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    begin_window(&b, 4, 0, T0);
    sampler_added(b.sampler, 0, T0 + 1);
    touch_range(&b, 0, 4, T0 + 2);
    (void)due(&b, T0 + 1 + WINDOW);
    g_assert_cmpuint(b.figures.window_permille, ==, 889); /* 4 of 5 - 1/2 */
    bed_deinit(&b);
}

static void test_working_set(void)
{
    static const usec_t touches[] = {USEC_PER_SEC / 2, 5 * USEC_PER_SEC, 30 * USEC_PER_SEC + 1,
                                     300 * USEC_PER_SEC};
    const COUNTER *ws;
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    ws = b.figures.working_set_permille;
    begin_window(&b, 100, 0, T0);
    for (unsigned i = 0; i < 4; i++) {
        (void)due(&b, T0 + touches[i]);
        touch_range(&b, 10 * i, 10, T0 + touches[i]);
    }
    (void)due(&b, T0 + LONGEST - 1);
    g_assert_cmpuint(ws[WORKING_SET_1S], ==, 100);
    g_assert_cmpuint(ws[WORKING_SET_10S], ==, 200);
    g_assert_cmpuint(ws[WORKING_SET_1MIN], ==, 300);
    g_assert_cmpuint(ws[WORKING_SET_10MIN], ==, UNKNOWN);
    lose_range(&b, 60, 10, T0 + LONGEST + 1); /* they were followed to the end */
    (void)due(&b, T0 + LONGEST);
    g_assert_cmpuint(ws[WORKING_SET_10MIN], ==, 400);
    sampler_configure(b.sampler, 0, WINDOW, T0 + LONGEST);
    g_assert_cmpuint(ws[WORKING_SET_1S], ==, UNKNOWN);
    bed_deinit(&b);
}

static void test_young_samples_do_not_count(void)
{
    struct bed b;

    bed_init(&b, UINT64_C(1) << 32);
    begin_window(&b, 100, 0, T0);
    (void)due(&b, T0 + 10 * USEC_PER_SEC - 1);
    g_assert_cmpuint(b.figures.working_set_permille[WORKING_SET_1S], ==, 0);
    g_assert_cmpuint(b.figures.working_set_permille[WORKING_SET_10S], ==, UNKNOWN);
    /* Young ones that were touched would be a biased choice. */
    begin_window(&b, 100, 100, T0 + WINDOW);
    touch_range(&b, 100, 100, T0 + WINDOW + 1);
    (void)due(&b, T0 + WINDOW + 2);
    g_assert_cmpuint(b.figures.working_set_permille[WORKING_SET_1S], ==, 0);
    (void)due(&b, T0 + WINDOW + USEC_PER_SEC);
    g_assert_cmpuint(b.figures.working_set_permille[WORKING_SET_1S], ==, 500);
    bed_deinit(&b);
}

static void test_retired(void)
{
    struct bed b;
    uint64_t pages[100];

    bed_init(&b, UINT64_C(1) << 32);
    begin_window(&b, 100, 0, T0);
    touch_range(&b, 0, 10, T0 + 1);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 100, T0 + LONGEST - 1), ==, 0);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 20, T0 + LONGEST), ==, 20);
    g_assert_cmpuint(pages[0], ==, 10);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 100, T0 + LONGEST), ==, 70);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 100, T0 + LONGEST), ==, 0);
    begin_window(&b, 100, 0, T0 + LONGEST);
    sampler_configure(b.sampler, 0, WINDOW, T0 + LONGEST + 1);
    (void)due(&b, T0 + LONGEST + 1);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 100, T0 + LONGEST + 1), ==, 100);
    bed_deinit(&b);
}

/* An order that comes while the samples are being moved must not make any of them forgotten. */
static void test_configured_meanwhile(void)
{
    struct bed b;
    uint64_t pages[4];

    bed_init(&b, UINT64_C(1) << 32);
    sampler_configure(b.sampler, 2, WINDOW, T0);
    g_assert_cmpuint(due(&b, T0), ==, 2);
    sampler_added(b.sampler, 1, T0);
    sampler_configure(b.sampler, 0, 0, T0 + 1);
    sampler_added(b.sampler, 2, T0 + 2);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 4, T0 + 3), ==, 2);
    sampler_configure(b.sampler, 2, WINDOW, T0 + 4);
    sampler_added(b.sampler, 3, T0 + 5); /* before it is asked for anew */
    g_assert_cmpuint(due(&b, T0 + 6), ==, 2);
    sampler_added(b.sampler, 4, T0 + 6);
    sampler_touched(b.sampler, 3, T0 + 7);
    sampler_touched(b.sampler, 4, T0 + 7);
    g_assert_cmpuint(due(&b, T0 + 6 + WINDOW), ==, 2);
    g_assert_cmpuint(b.figures.window_permille, ==, 1000);
    bed_deinit(&b);
}

/* A small guest would soon be out entirely: the oldest come back early, the window's own stay. */
static void test_retired_early(void)
{
    struct bed b;
    uint64_t pages[200];

    bed_init(&b, 1600);
    begin_window(&b, 100, 0, T0);
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 200, T0 + 1), ==, 0);
    g_assert_cmpuint(due(&b, T0 + WINDOW), ==, 100);
    for (unsigned i = 0; i < 100; i++)
        sampler_added(b.sampler, 100 + i, T0 + WINDOW);
    /* (1600 resident + 89 that come back) / 8 is what 111 and the next 100 may be. */
    g_assert_cmpuint(sampler_retired(b.sampler, pages, 200, T0 + WINDOW), ==, 89);
    g_assert_cmpuint(pages[88], ==, 88);
    atomic_store(&b.figures.pages[PAGE_RESIDENT], 80);
    g_assert_cmpuint(due(&b, T0 + 2 * WINDOW), ==, 10);
    bed_deinit(&b);
}

static void test_bounded(void)
{
    struct bed b;
    uint64_t pages[64];
    size_t n, retired = 0;

    bed_init(&b, UINT64_C(1) << 32);
    sampler_configure(b.sampler, UINT32_MAX, WINDOW, T0);
    g_assert_cmpuint(due(&b, T0), ==, SAMPLES_MAX / 8);
    for (uint64_t page = 0; page < 2 * SAMPLES_MAX; page++)
        sampler_added(b.sampler, page, T0);
    g_assert_cmpuint(b.figures.sampled, ==, SAMPLES_MAX);
    while ((n = sampler_retired(b.sampler, pages, 64, T0 + LONGEST)) > 0)
        retired += n;
    g_assert_cmpuint(retired, ==, SAMPLES_MAX);
    bed_deinit(&b);
}

/* The mean of a window's estimates over a small guest, 100 samples in each. */
struct small_guest {
    double part; /* touched in each window, at random times */
    double
        drift; /* of the pages leaves the working set from window to window, and comes back last */
};

#define SMALL_PAGES   8000
#define SMALL_WINDOWS 600

static void sample_small(struct bed *b, GRand *rand, bool *out, unsigned n, usec_t now)
{
    while (n > 0) {
        uint32_t page = (uint32_t)g_rand_int_range(rand, 0, SMALL_PAGES);

        if (out[page])
            continue;
        out[page] = true;
        n--;
        sampler_added(b->sampler, page, now);
    }
}

static void small_set_resident(struct bed *b, const bool *out)
{
    unsigned n = 0;

    for (unsigned page = 0; page < SMALL_PAGES; page++)
        n += !out[page];
    atomic_store(&b->figures.pages[PAGE_RESIDENT], n);
}

static void test_small_guest(gconstpointer data)
{
    const struct small_guest *g = data;
    bool *out = g_new0(bool, SMALL_PAGES);
    GRand *rand = random_seeded();
    double sum = 0, first = 0, error;
    struct bed b;
    uint64_t page;

    bed_init(&b, SMALL_PAGES);
    sampler_configure(b.sampler, 100, WINDOW, T0);
    for (unsigned w = 0; w <= SMALL_WINDOWS; w++, first += g->drift * SMALL_PAGES) {
        usec_t now = T0 + w * WINDOW;
        unsigned n;

        small_set_resident(&b, out);
        n = due(&b, now);
        if (w > 0)
            sum += (double)b.figures.window_permille / 1000;
        while (sampler_retired(b.sampler, &page, 1, now) == 1)
            out[page] = false;
        sample_small(&b, rand, out, n, now);
        for (unsigned i = 0; i < (unsigned)(g->part * SMALL_PAGES); i++) {
            page = ((uint64_t)first + i) % SMALL_PAGES;
            if (out[page])
                sampler_touched(b.sampler, page,
                                now + (usec_t)g_rand_double_range(rand, 0, WINDOW));
            out[page] = false;
        }
    }
    error = sum / SMALL_WINDOWS - g->part;
    g_test_message("part %.2f, drift %.3f: error %+.4f", g->part, g->drift, error);
    /* Samples are drawn without repetition, so this is more than the standard error. */
    g_assert_cmpfloat(fabs(error), <,
                      DEVIATION * sqrt(g->part * (1 - g->part) / (100.0 * SMALL_WINDOWS)));
    g_free(out);
    g_rand_free(rand);
    bed_deinit(&b);
}

/*
 * A guest much larger than the samples, whose pages are touched at random times, each with a rate
 * of its own; so is the time to the first touch, whenever it is sampled (no memory).
 */
enum rates {
    RATES_EQUAL,
    RATES_TWO, /* a third busy, the rest idle */
    RATES_ZIPF,
    RATES_MAX
};

#define LARGE_SAMPLES 2000
#define LARGE_WINDOWS 60
#define ZIPF_PAGES    4096

static double draw_rate(enum rates rates, GRand *rand)
{
    switch (rates) {
    case RATES_EQUAL:
        return 1 / 20.0;
    case RATES_TWO:
        return g_rand_int_range(rand, 0, 3) == 0 ? 1 / 5.0 : 0;
    case RATES_ZIPF:
        return 50.0 / (1 + g_rand_int_range(rand, 0, ZIPF_PAGES));
    case RATES_MAX:
    default:
        g_assert_not_reached();
    }
}

static double true_part(enum rates rates, double seconds)
{
    double sum = 0;

    switch (rates) {
    case RATES_EQUAL:
        return 1 - exp(-seconds / 20);
    case RATES_TWO:
        return (1 - exp(-seconds / 5)) / 3;
    case RATES_ZIPF:
        for (unsigned i = 0; i < ZIPF_PAGES; i++)
            sum += 1 - exp(-50.0 / (1 + i) * seconds);
        return sum / ZIPF_PAGES;
    case RATES_MAX:
    default:
        g_assert_not_reached();
    }
}

struct pending {
    uint64_t page;
    usec_t touch, lost;
};

/* Tells the sampler what happens before @end; the rest stays. */
static void pass_time(struct bed *b, GArray *pending, usec_t end)
{
    guint kept = 0;

    for (guint i = 0; i < pending->len; i++) {
        struct pending p = g_array_index(pending, struct pending, i);

        if (p.touch >= end && p.lost >= end)
            g_array_index(pending, struct pending, kept++) = p;
        else if (p.touch <= p.lost)
            sampler_touched(b->sampler, p.page, p.touch);
        else
            sampler_lost(b->sampler, p.page, p.lost);
    }
    g_array_set_size(pending, kept);
}

static usec_t draw_time(GRand *rand, double rate)
{
    double seconds = rate > 0 ? -log(1 - g_rand_double(rand)) / rate : HUGE_VAL;

    return seconds < 1e6 ? (usec_t)(seconds * 1e6) : USEC_NEVER / 2;
}

static void check_part(const char *what, double sum, double seconds, enum rates rates, double slack)
{
    double truth = true_part(rates, seconds), error = sum / LARGE_WINDOWS - truth;
    double bound = DEVIATION * sqrt(truth * (1 - truth) / (LARGE_WINDOWS * LARGE_SAMPLES));

    g_test_message("%s %g s: true %.4f, error %+.4f, bound %.4f", what, seconds, truth, error,
                   bound + slack);
    g_assert_cmpfloat(fabs(error), <, bound + slack + 0.0005 /* permille */);
}

/* @loss: rate at which pages are lost, per second. */
static void run_large(enum rates rates, double loss, double slack)
{
    GArray *pending = g_array_new(FALSE, FALSE, sizeof(struct pending));
    GRand *rand = random_seeded();
    double sum_window = 0, sum[WORKING_SET_MAX] = {0};
    unsigned skip = (unsigned)(LONGEST / WINDOW);
    uint64_t next = 0, page;
    struct bed b;

    bed_init(&b, UINT64_C(1) << 40);
    sampler_configure(b.sampler, LARGE_SAMPLES, WINDOW, T0);
    for (unsigned w = 0; w < skip + LARGE_WINDOWS; w++) {
        usec_t now = T0 + w * WINDOW;

        g_assert_cmpuint(due(&b, now), ==, LARGE_SAMPLES);
        while (sampler_retired(b.sampler, &page, 1, now) == 1)
            ;
        for (unsigned i = 0; i < LARGE_SAMPLES; i++) {
            struct pending p = {.page = next++,
                                .touch = now + draw_time(rand, draw_rate(rates, rand)),
                                .lost = now + draw_time(rand, loss)};

            sampler_added(b.sampler, p.page, now);
            g_array_append_val(pending, p);
        }
        pass_time(&b, pending, now + WINDOW);
        (void)due(&b, now + WINDOW - 1);
        if (w < skip)
            continue;
        sum_window += (double)b.figures.current_permille / 1000;
        for (unsigned i = 0; i < WORKING_SET_MAX; i++)
            sum[i] += (double)b.figures.working_set_permille[i] / 1000;
    }
    check_part("window", sum_window, 30, rates, slack);
    for (unsigned i = 0; i < WORKING_SET_MAX; i++)
        check_part("working set", sum[i], (double)working_set_window_usec[i] / 1e6, rates, slack);
    g_array_free(pending, TRUE);
    g_rand_free(rand);
    bed_deinit(&b);
}

static void test_equal_rates(void)
{
    run_large(RATES_EQUAL, 0, 0);
}

static void test_two_rates(void)
{
    run_large(RATES_TWO, 0, 0);
}

static void test_zipf(void)
{
    run_large(RATES_ZIPF, 0, 0);
}

/* A tenth of the samples is lost in ten minutes: the estimator for it is a good one, not an exact
 * one. */
static void test_losses(void)
{
    run_large(RATES_ZIPF, 0.1 / 600, 0.01);
}

/* The table of samples against a plain list of pages, oldest first. */
static void test_table(void)
{
    GRand *rand = random_seeded();
    GArray *model = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    struct samples table;

    samples_init(&table, 1000);
    for (unsigned step = 0; step < 100000; step++) {
        uint64_t page = (uint64_t)g_rand_int_range(rand, 0, 3000);
        struct sample *found = samples_find(&table, page);
        guint at = 0;

        while (at < model->len && g_array_index(model, uint64_t, at) != page)
            at++;
        g_assert_true((found != NULL) == (at < model->len));
        if (found) {
            g_assert_cmpuint(found->page, ==, page);
            samples_remove(&table, found);
            g_array_remove_index(model, at);
        } else if (samples_add(&table, page)) {
            g_assert_null(samples_add(&table, page));
            g_array_append_val(model, page);
        } else {
            g_assert_cmpuint(model->len, ==, 1000);
        }
        g_assert_cmpuint(table.count, ==, model->len);
        if (model->len > 0)
            g_assert_cmpuint(samples_oldest(&table)->page, ==, g_array_index(model, uint64_t, 0));
    }
    samples_deinit(&table);
    g_array_free(model, TRUE);
    g_rand_free(rand);
}

static void add_small_guests(void)
{
    static const double parts[] = {0.1, 0.3, 0.5, 0.7, 0.9}, drifts[] = {0, 0.01};
    static struct small_guest guests[G_N_ELEMENTS(parts)][G_N_ELEMENTS(drifts)];

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(drifts); k++) {
            g_autofree char *name =
                g_strdup_printf("/sampler/small-guest/%d%%%s", (int)(100 * parts[i] + 0.5),
                                drifts[k] > 0 ? "-drifting" : "");

            guests[i][k] = (struct small_guest){.part = parts[i], .drift = drifts[k]};
            g_test_add_data_func(name, &guests[i][k], test_small_guest);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sampler/table", test_table);
    g_test_add_func("/sampler/nothing-known", test_nothing_known);
    g_test_add_func("/sampler/window", test_window);
    g_test_add_func("/sampler/window-from-last", test_window_lasts_from_the_last_sample);
    g_test_add_func("/sampler/current", test_current_does_not_jump);
    g_test_add_func("/sampler/lost", test_lost);
    g_test_add_func("/sampler/added-twice", test_added_twice);
    g_test_add_func("/sampler/working-set", test_working_set);
    g_test_add_func("/sampler/young", test_young_samples_do_not_count);
    g_test_add_func("/sampler/retired", test_retired);
    g_test_add_func("/sampler/configured-meanwhile", test_configured_meanwhile);
    g_test_add_func("/sampler/retired-early", test_retired_early);
    g_test_add_func("/sampler/bounded", test_bounded);
    add_small_guests();
    g_test_add_func("/sampler/equal-rates", test_equal_rates);
    g_test_add_func("/sampler/two-rates", test_two_rates);
    g_test_add_func("/sampler/zipf", test_zipf);
    g_test_add_func("/sampler/losses", test_losses);
    return g_test_run();
}
