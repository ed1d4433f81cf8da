/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is estimated, and how.
 *
 * The population is what the guest has in RAM: resident pages, and the samples that are out only
 * because we look at them. A window takes its samples from the resident ones.
 *
 * A rate: of n pages that were followed, d were touched and l were lost on the way (discarded,
 * brought back untouched, given up) within the time in question. A page that was lost was followed
 * for half of the time on average, so it counts half: d / (n - l/2), the life table's estimator.
 * Where more than half was lost, nothing is said.
 *
 * A window's active part: samples that nobody has touched stay out for as long as they are
 * followed, so what is resident is a little more active than what should be looked at, the more so
 * the smaller the guest. Therefore two strata are weighed by their sizes: the resident pages, for
 * which the new samples speak, and the older samples, all of which are seen. The window ends when
 * its last sample is as old as the window is long, so that all were followed for all of it.
 *
 * The working set for length W: the part touched within W of being sampled, of the newest samples
 * that were added at least W ago, about POOLED of them. One that was added later says nothing yet,
 * touched or not. For this the samples are kept account of in cohorts: those of a window, or of as
 * many windows as fit into COHORT_SPAN. (Not weighed: it is about the guest at leisure, and the
 * number of samples that are followed is kept below FOLLOWED_MAX_SHARE of what is resident.)
 */
#include "pager/sampler.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pager/samples.h"

#define POOLED             400 /* a standard error of 2.5 points at most */
#define COHORTS            128
#define COHORT_SPAN        (6 * USEC_PER_SEC) /* COHORTS of them are longer than the longest window */
#define FOLLOWED_MAX_SHARE 8                  /* a window asks for, and all follow, 1/8 at most */
#define SETTLED_SHARE      16 /* in the first 1/16 of a window samples still come in */
#define LONGEST            (working_set_window_usec[WORKING_SET_10MIN])
#define UNKNOWN            UINT64_MAX

struct tally {
    uint64_t followed, touched, lost;
};

struct cohort {
    usec_t begin, last_added;
    struct tally within[WORKING_SET_MAX];
};

struct window {
    uint64_t number; /* 0: none was begun */
    usec_t begin, last_added;
    unsigned requested;
    uint64_t resident; /* pages, at its begin */
    struct tally new, old;
};

struct sampler {
    pthread_mutex_t mutex;
    struct pagemap_figures *figures;
    unsigned n;
    usec_t length; /* of a window */
    struct window window;
    struct samples samples;
    struct cohort cohorts[COHORTS];
    uint64_t cohort; /* number of the newest; 0: none */
};

static void figure_set(COUNTER *figure, uint64_t value)
{
    atomic_store_explicit(figure, value, memory_order_relaxed);
}

static void forget_results(struct pagemap_figures *figures)
{
    figure_set(&figures->window_permille, UNKNOWN);
    figure_set(&figures->current_permille, 0);
    for (unsigned w = 0; w < WORKING_SET_MAX; w++)
        figure_set(&figures->working_set_permille[w], UNKNOWN);
}

struct sampler *sampler_new(struct pagemap_figures *figures)
{
    struct sampler *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    (void)pthread_mutex_init(&s->mutex, NULL);
    s->figures = figures;
    samples_init(&s->samples, SAMPLES_MAX);
    return s;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    samples_deinit(&s->samples);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

static usec_t elapsed(usec_t since, usec_t now)
{
    return u64_sub(now, since); /* two threads' readings of the clock may be out of order */
}

/* d / (n - l/2) in [0, 1], or negative: unknown. */
static double rate_of(const struct tally *t)
{
    double exposed = (double)t->followed - (double)t->lost / 2;

    if (t->followed == 0 || 2 * t->lost > t->followed)
        return -1;
    return (double)t->touched < exposed ? (double)t->touched / exposed : 1;
}

static uint64_t permille_of(double rate)
{
    return rate < 0 ? UNKNOWN : (uint64_t)(rate * 1000 + 0.5);
}

/* The part of the population that was touched in the window, so far. */
static double window_rate(const struct window *w)
{
    double new = rate_of(&w->new), old = rate_of(&w->old);
    double sizes = (double)w->resident + (double)w->old.followed;

    if (new < 0 || old < 0 || sizes <= 0)
        return new;
    return (new *(double)w->resident + old *(double)w->old.followed) / sizes;
}

/* While samples are still coming in, the ones to come count as untouched: the figure is not to fall
 * again. */
static void publish_current(struct sampler *s, usec_t now)
{
    struct window w = s->window;
    double rate;

    if (elapsed(w.begin, now) < s->length / SETTLED_SHARE)
        w.new.followed = u64_max(w.new.followed, w.requested);
    rate = window_rate(&w);
    figure_set(&s->figures->current_permille, rate < 0 ? 0 : permille_of(rate));
}

static void publish_working_sets(struct sampler *s, usec_t now)
{
    uint64_t first = s->cohort > COHORTS ? s->cohort - COHORTS + 1 : 1;
    usec_t too_old = 2 * u64_max(LONGEST, s->length);

    for (unsigned w = 0; w < WORKING_SET_MAX; w++) {
        struct tally pool = {0};

        for (uint64_t i = s->cohort; i >= first && pool.followed < POOLED; i--) {
            const struct cohort *c = &s->cohorts[i % COHORTS];
            usec_t age = elapsed(c->last_added, now);

            if (age > too_old)
                break;
            if (age < working_set_window_usec[w] || rate_of(&c->within[w]) < 0)
                continue;
            pool.followed += c->within[w].followed;
            pool.touched += c->within[w].touched;
            pool.lost += c->within[w].lost;
        }
        figure_set(&s->figures->working_set_permille[w], permille_of(rate_of(&pool)));
    }
}

static usec_t window_end(const struct sampler *s)
{
    return u64_max(s->window.begin, s->window.last_added) + s->length;
}

static void window_begin(struct sampler *s, usec_t now)
{
    uint64_t resident =
        atomic_load_explicit(&s->figures->pages[PAGE_RESIDENT], memory_order_relaxed);
    uint64_t most = u64_min(resident, SAMPLES_MAX) / FOLLOWED_MAX_SHARE;

    s->window = (struct window){
        .number = s->window.number + 1,
        .begin = now,
        .last_added = now,
        .requested = (unsigned)u64_min(s->n, most),
        .resident = resident,
        .old.followed = s->samples.count,
    };
    if (s->cohort == 0 || elapsed(s->cohorts[s->cohort % COHORTS].begin, now) >= COHORT_SPAN)
        s->cohorts[++s->cohort % COHORTS] = (struct cohort){.begin = now, .last_added = now};
}

static void window_close(struct sampler *s)
{
    double rate = window_rate(&s->window);

    if (rate < 0)
        return; /* no samples, or most of them lost: the last result stands */
    figure_set(&s->figures->window_permille, permille_of(rate));
    count(&s->figures->sample_windows, 1);
}

void sampler_configure(struct sampler *s, unsigned n, usec_t window, usec_t now)
{
    (void)now;
    (void)pthread_mutex_lock(&s->mutex);
    s->n = window ? n : 0;
    s->length = window;
    s->window = (struct window){.number = s->window.number};
    figure_set(&s->figures->window_usec, window);
    figure_set(&s->figures->current_permille, 0);
    if (s->n == 0)
        forget_results(s->figures);
    (void)pthread_mutex_unlock(&s->mutex);
}

/* The oldest sample if it is to be followed no more. */
static struct sample *oldest_over(const struct sampler *s, usec_t now)
{
    struct sample *oldest = samples_oldest(&s->samples);
    uint64_t most = u64_min(s->window.resident / FOLLOWED_MAX_SHARE, SAMPLES_MAX);

    if (!oldest)
        return NULL;
    if (s->n == 0 || elapsed(oldest->added, now) >= LONGEST)
        return oldest;
    /* Too many, or too large a part of what is resident. The window under way is left alone. */
    if (oldest->window != s->window.number && s->samples.count + s->n > most)
        return oldest;
    return NULL;
}

unsigned sampler_due(struct sampler *s, usec_t now, usec_t *ask_again)
{
    unsigned due = 0;
    const struct sample *oldest;

    (void)pthread_mutex_lock(&s->mutex);
    *ask_again = USEC_NEVER;
    if (s->n > 0) {
        if (s->window.begin == 0 || now >= window_end(s)) {
            window_close(s);
            window_begin(s, now);
            due = s->window.requested;
        }
        publish_current(s, now);
        publish_working_sets(s, now);
        *ask_again = window_end(s);
    }
    oldest = samples_oldest(&s->samples);
    if (oldest)
        *ask_again = u64_min(*ask_again, oldest->added + LONGEST);
    (void)pthread_mutex_unlock(&s->mutex);
    return due;
}

enum fate {
    FATE_TOUCHED,
    FATE_LOST,
    FATE_RETIRED, /* by us: nothing can be said of it from now on, as of a lost one */
};

static void tally_count(struct tally *t, enum fate fate)
{
    if (fate == FATE_TOUCHED)
        t->touched++;
    else
        t->lost++;
}

/* One of an earlier window. A retired one changes over to the resident pages, which the window
 * draws from after that. */
static void count_old(struct window *w, enum fate fate)
{
    if (fate != FATE_RETIRED) {
        tally_count(&w->old, fate);
        return;
    }
    w->resident++;
    if (w->old.followed > 0)
        w->old.followed--;
}

/* Enters what became of a sample, wherever it was still being waited for, and follows it no more.
 */
static void sample_ends(struct sampler *s, struct sample *sample, enum fate fate, usec_t now)
{
    usec_t age = elapsed(sample->added, now);

    if (sample->cohort > 0 && s->cohort - sample->cohort < COHORTS)
        for (unsigned w = 0; w < WORKING_SET_MAX; w++)
            if (age < working_set_window_usec[w])
                tally_count(&s->cohorts[sample->cohort % COHORTS].within[w], fate);
    if (age < s->length && fate == FATE_TOUCHED)
        count(&s->figures->touched, 1);
    if (sample->window != s->window.number) {
        if (elapsed(s->window.begin, now) < s->length)
            count_old(&s->window, fate);
    } else if (age < s->length) {
        tally_count(&s->window.new, fate);
    }
    samples_remove(&s->samples, sample);
}

static void sample_begins(struct sampler *s, struct sample *sample, usec_t now)
{
    struct cohort *c = &s->cohorts[s->cohort % COHORTS];

    sample->window = s->window.number;
    sample->cohort = s->cohort;
    s->window.last_added = u64_max(s->window.last_added, now);
    s->window.new.followed++;
    c->last_added = u64_max(c->last_added, now);
    for (unsigned w = 0; w < WORKING_SET_MAX; w++)
        c->within[w].followed++;
    publish_current(s, now);
}

void sampler_added(struct sampler *s, uint64_t page, usec_t now)
{
    struct sample *sample;

    (void)pthread_mutex_lock(&s->mutex);
    sample = samples_find(&s->samples, page);
    if (sample) /* it was brought back, and we were not told */
        sample_ends(s, sample, FATE_LOST, now);
    sample = samples_add(&s->samples, page);
    if (sample) {
        sample->added = now;
        count(&s->figures->sampled, 1);
        if (s->window.begin) /* else configured anew meanwhile: followed only to be retired */
            sample_begins(s, sample, now);
    }
    (void)pthread_mutex_unlock(&s->mutex);
}

static void sample_over(struct sampler *s, uint64_t page, enum fate fate, usec_t now)
{
    struct sample *sample;

    (void)pthread_mutex_lock(&s->mutex);
    sample = samples_find(&s->samples, page);
    if (sample) {
        sample_ends(s, sample, fate, now);
        if (s->window.begin)
            publish_current(s, now);
    }
    (void)pthread_mutex_unlock(&s->mutex);
}

void sampler_touched(struct sampler *s, uint64_t page, usec_t now)
{
    sample_over(s, page, FATE_TOUCHED, now);
}

void sampler_lost(struct sampler *s, uint64_t page, usec_t now)
{
    sample_over(s, page, FATE_LOST, now);
}

size_t sampler_retired(struct sampler *s, uint64_t *pages, size_t max, usec_t now)
{
    struct sample *oldest;
    size_t n = 0;

    (void)pthread_mutex_lock(&s->mutex);
    while (n < max && (oldest = oldest_over(s, now))) {
        pages[n++] = oldest->page;
        sample_ends(s, oldest, FATE_RETIRED, now);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return n;
}
