/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: as a pager's sampling (pager/sampler.h has the estimators), random resident pages are
 * followed until they are touched. Where the kernel tracks idle pages, a mark on the page's frame
 * says it. Elsewhere the page is paged out and looked at again: a touch brings it back, at the cost
 * of microseconds where memory still has a copy, of a read from the disk where it has not.
 *
 * What is followed is looked at once a second, so a touch is known a second late at most. A sample
 * that nobody has touched for a whole window tells where victims are (pageout_cold()). One that is
 * followed no more is left as it is.
 *
 * To page a single page out splits the huge page that it is in: that takes 0.3 ms, and makes the
 * guest slower until the kernel (khugepaged) has put it together again. So in a window samples come
 * out of HUGE_MAX huge pages at most, several of each where most memory is in such. The estimate
 * stays true on average, and is less exact.
 */
#include <glib.h>
#include <time.h>

#include "base/cleanup.h"
#include "daemon/kernel_swap_impl.h"
#include "host/pageframes.h"
#include "pager/sampler.h"

/* Huge pages that are split in a window: fewer than khugepaged repairs in the default one. */
#define HUGE_MAX   8
#define HUGE_BYTES (2 * MIB)

/* Attempts to find another page of a huge one. */
#define TRIES 8

struct followed {
    uint64_t page;  /* address */
    uint64_t frame; /* the mark is on; 0: it is paged out */
    usec_t since;
    bool cold; /* was told to be */
};

struct sampling {
    struct sampler *sampler;
    struct pagemap_figures figures;
    GArray *followed; /* struct followed */
    GArray *colder;   /* uint64_t: pages that have just turned cold, and are out */
    int idle;         /* the kernel's bitmap; -1: pages are put out */
    int flags;        /* /proc/kpageflags; -1: not to be had */
    unsigned pages;   /* in each window, as is wished... */
    usec_t window;
    unsigned pages_set; /* ...and as the sampler was told */
    usec_t window_set;
    usec_t cpu;
};

struct sampling *sampling_new(const char *host_root)
{
    struct sampling *s = g_new0(struct sampling, 1);

    s->sampler = sampler_new(&s->figures);
    if (!s->sampler)
        g_error("out of memory");
    s->followed = g_array_new(FALSE, FALSE, sizeof(struct followed));
    s->colder = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    s->idle = pageframes_open_idle(host_root);
    s->flags = pageframes_open_flags(host_root);
    return s;
}

void sampling_free(struct sampling *s)
{
    if (!s)
        return;
    fd_close(&s->idle);
    fd_close(&s->flags);
    sampler_free(s->sampler);
    g_array_unref(s->followed);
    g_array_unref(s->colder);
    g_free(s);
}

enum kernel_swap_source sampling_source(const struct sampling *s)
{
    if (!s || s->pages == 0)
        return KERNEL_SWAP_UNSAMPLED;
    return s->idle >= 0 ? KERNEL_SWAP_IDLE_PAGES : KERNEL_SWAP_LOOK;
}

void sampling_configure(struct sampling *s, unsigned pages, usec_t window)
{
    s->pages = pages;
    s->window = window;
}

enum fate {
    FATE_UNTOUCHED,
    FATE_TOUCHED,
    FATE_LOST, /* discarded, moved elsewhere, put out by others: nothing can be said */
};

static enum fate fate_of(const struct sampling *s, const struct followed *f, uint64_t entry)
{
    int idle;

    if (f->frame == 0)
        return pageout_is_present(entry) ? FATE_TOUCHED
               : pageout_is_out(entry)   ? FATE_UNTOUCHED
                                         : FATE_LOST;
    if (pageout_frame(entry) == 0)
        return FATE_LOST;
    idle = pageframes_is_idle(s->idle, f->frame);
    return idle < 0 ? FATE_LOST : idle ? FATE_UNTOUCHED : FATE_TOUCHED;
}

static void turn_cold(struct sampling *s, struct followed *f, struct pageout_choice *choice)
{
    f->cold = true;
    pageout_cold(choice, f->page);
    if (f->frame == 0)
        g_array_append_val(s->colder, f->page);
}

/* Nothing can be said of it any more. */
static void lose(struct sampling *s, uint64_t page)
{
    sampler_lost(s->sampler, page / PAGEOUT_PAGE, kswap_now());
    for (guint i = s->followed->len; i-- > 0;) {
        if (g_array_index(s->followed, struct followed, i).page == page)
            g_array_remove_index_fast(s->followed, i);
    }
}

/* Samples that have just turned cold are to occupy no memory either; those that can't are back. */
static int drop_copies(struct sampling *s, const struct pageout *process)
{
    uint64_t *pages = (uint64_t *)(void *)s->colder->data;
    struct pageout_result result = {0};
    int r = 0;

    if (s->colder->len > 0)
        r = pageout_drop_copies(process, pages, s->colder->len, &result);
    for (guint i = (guint)result.out; i < s->colder->len; i++)
        lose(s, pages[i]);
    return r;
}

/* What became of those that are followed. */
static int look_at_samples(struct sampling *s, const struct pageout *process,
                           struct pageout_choice *choice)
{
    for (guint i = s->followed->len; i-- > 0;) {
        struct followed *f = &g_array_index(s->followed, struct followed, i);
        uint64_t entry, number = f->page / PAGEOUT_PAGE;
        usec_t now = kswap_now();
        int r = pageout_look(process, f->page, &entry, 1);
        enum fate fate;

        if (r < 0)
            return r;
        fate = fate_of(s, f, entry);
        if (fate == FATE_UNTOUCHED) {
            if (!f->cold && now - f->since >= s->window)
                turn_cold(s, f, choice);
            continue;
        }
        if (fate == FATE_TOUCHED)
            sampler_touched(s->sampler, number, now);
        else
            sampler_lost(s->sampler, number, now);
        g_array_remove_index_fast(s->followed, i);
    }
    return 0;
}

static void forget_retired(struct sampling *s, usec_t now)
{
    uint64_t numbers[64];
    size_t n;

    while ((n = sampler_retired(s->sampler, numbers, G_N_ELEMENTS(numbers), now)) > 0) {
        for (size_t k = 0; k < n; k++) {
            for (guint i = s->followed->len; i-- > 0;) {
                if (g_array_index(s->followed, struct followed, i).page ==
                    numbers[k] * PAGEOUT_PAGE)
                    g_array_remove_index_fast(s->followed, i);
            }
        }
    }
}

static void follow(struct sampling *s, uint64_t page, uint64_t frame)
{
    struct followed f = {.page = page, .frame = frame, .since = kswap_now()};

    g_array_append_val(s->followed, f);
    sampler_added(s->sampler, page / PAGEOUT_PAGE, f.since);
}

static bool is_followed(const struct sampling *s, uint64_t page)
{
    for (guint i = 0; i < s->followed->len; i++) {
        if (g_array_index(s->followed, struct followed, i).page == page)
            return true;
    }
    return false;
}

/* Begins to follow @page by whatever means there are; it was asked to go out before, unless its
 * frame is marked. */
static int begin(struct sampling *s, const struct pageout *process, uint64_t page)
{
    uint64_t entry, frame = 0;
    int r = pageout_look(process, page, &entry, 1);

    if (r < 0)
        return r;
    if (is_followed(s, page)) /* it came back between two looks, and was chosen again */
        return 0;
    if (s->idle >= 0) {
        if (pageout_frame(entry) && pageframes_mark(s->idle, pageout_frame(entry), &frame) == 0)
            follow(s, page, frame);
    } else if (pageout_is_out(entry)) {
        follow(s, page, 0);
    }
    return 0;
}

/* Is among the first @n. */
static bool contains(const uint64_t *pages, size_t n, uint64_t page)
{
    for (size_t i = 0; i < n; i++) {
        if (pages[i] == page)
            return true;
    }
    return false;
}

/* Another page of the huge page @huge, or 0. */
static uint64_t another_of(const struct pageout *process, struct pageout_choice *choice,
                           uint64_t huge, const uint64_t *pages, size_t n)
{
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t page = huge + pageout_random(choice, HUGE_BYTES / PAGEOUT_PAGE) * PAGEOUT_PAGE;
        uint64_t entry;

        if (!contains(pages, n, page) && pageout_look(process, page, &entry, 1) == 0 &&
            pageout_movable(entry))
            return page;
    }
    return 0;
}

/* Moves samples out of all but the first few huge pages into these. How many samples remain. */
static size_t spare_huge_pages(const struct sampling *s, const struct pageout *process,
                               struct pageout_choice *choice, uint64_t *pages, size_t n)
{
    uint64_t huge[HUGE_MAX];
    size_t found = 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t page = pages[i], entry = 0, block = page & ~(HUGE_BYTES - 1);

        if (pageout_look(process, page, &entry, 1) == 0 &&
            pageframes_is_huge(s->flags, pageout_frame(entry)) && !contains(huge, found, block)) {
            if (found < HUGE_MAX)
                huge[found++] = block;
            else
                page = another_of(process, choice, huge[i % HUGE_MAX], pages, kept);
        }
        if (page && !contains(pages, kept, page))
            pages[kept++] = page;
    }
    return kept;
}

static int take_samples(struct sampling *s, const struct pageout *process,
                        struct pageout_choice *choice, unsigned n)
{
    g_autofree uint64_t *pages = g_new(uint64_t, n);
    ssize_t got = pageout_choose_single(process, choice, pages, n);
    int r = got < 0 ? (int)got : 0;

    if (r == 0 && got > 0 && s->idle < 0) {
        got = (ssize_t)spare_huge_pages(s, process, choice, pages, (size_t)got);
        r = pageout_ask(process, pages, (size_t)got);
    }
    for (ssize_t i = 0; i < got && r == 0; i++)
        r = begin(s, process, pages[i]);
    return r;
}

static void read_figures(const struct sampling *s, struct kswap_activity *ret)
{
    const struct pagemap_figures *f = &s->figures;

    *ret = (struct kswap_activity){.cpu = s->cpu};
    if (f->window_permille > 1000)
        return;
    ret->windows = f->sample_windows;
    ret->permille = (unsigned)f->window_permille;
    ret->current_permille = f->current_permille <= 1000 ? (unsigned)f->current_permille : 0;
}

static void follow_wishes(struct sampling *s, usec_t now)
{
    if (s->pages == s->pages_set && s->window == s->window_set)
        return;
    s->pages_set = s->pages;
    s->window_set = s->window;
    sampler_configure(s->sampler, s->pages, s->window, now);
}

static usec_t thread_cpu(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

int sampling_look(struct sampling *s, const struct pageout *process, struct pageout_choice *choice,
                  uint64_t resident, bool cached, struct kswap_activity *ret)
{
    usec_t began = thread_cpu(), now = kswap_now(), again;
    int r;

    follow_wishes(s, now);
    s->figures.pages[PAGE_RESIDENT] = resident / PAGEOUT_PAGE;
    r = look_at_samples(s, process, choice);
    if (r == 0 && cached)
        r = drop_copies(s, process);
    g_array_set_size(s->colder, 0);
    if (r == 0) {
        unsigned n;

        now = kswap_now();
        n = sampler_due(s->sampler, now, &again);
        forget_retired(s, now);
        if (n > 0)
            r = take_samples(s, process, choice, n);
    }
    s->cpu += thread_cpu() - began;
    read_figures(s, ret);
    return r;
}
