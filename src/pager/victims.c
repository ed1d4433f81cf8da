/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Victims are taken as random blocks of neighbouring pages: every resident page is as likely as any
 * other (but for the block that is cut short at the end), so what eviction costs the guest is on
 * average the same as with single pages, and protecting, reading, writing and punching take one
 * call for a block instead of one for a page. What is left when random places hardly ever have a
 * page is found by a scan from a random start.
 *
 * Samples must be single pages, or neighbours would be one observation: random probes, or, where
 * few pages are resident, a draw from all of them in one pass (algorithm R).
 */
#include "pager/victims.h"

#include <stdlib.h>

#define BLOCK_PAGES 64

/* Cold pages that are remembered: what a sampler retires in hours. Beyond it the oldest is
 * forgotten. */
#define COLD_MAX 4096

/* Probes for each that should hit, before the search is given up or done otherwise. */
#define PROBES 8

struct victims {
    struct pagemap *map;
    struct claims *claims;
    uint64_t random;
    uint64_t cold_begin, cold_end; /* of a ring */
    uint64_t cold[COLD_MAX];
};

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(struct victims *v)
{
    uint64_t z = v->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* In [0, n). The bias of at most n / 2^64 is none. */
static uint64_t random_below(struct victims *v, uint64_t n)
{
    return random_next(v) % n;
}

struct victims *victims_new(struct pagemap *map, struct claims *claims, uint64_t seed)
{
    struct victims *v = calloc(1, sizeof(*v));

    if (!v)
        return NULL;
    v->map = map;
    v->claims = claims;
    v->random = seed;
    for (uint64_t page = 0; page < map->pages; page++) {
        struct page_place p = pagemap_get(map, page);

        if (p.state == PAGE_RESIDENT && p.cold)
            victims_cold(v, page);
    }
    return v;
}

void victims_free(struct victims *v)
{
    free(v);
}

void victims_cold(struct victims *v, uint64_t page)
{
    if (v->cold_end - v->cold_begin == COLD_MAX)
        v->cold_begin++;
    v->cold[v->cold_end++ % COLD_MAX] = page;
}

static bool resident(const struct victims *v, uint64_t page)
{
    return pagemap_get(v->map, page).state == PAGE_RESIDENT;
}

/* Claims @page if it is resident when looked at. It may have gone before the claim was taken: that
 * is not undone here, for there may be marks on it by then, which are the caller's to see to. */
static bool claim(struct victims *v, uint64_t page)
{
    return resident(v, page) && claims_take(v->claims, page);
}

static size_t choose_cold(struct victims *v, uint64_t *pages, size_t max)
{
    size_t n = 0;

    while (n < max && v->cold_begin < v->cold_end) {
        uint64_t page = v->cold[v->cold_begin++ % COLD_MAX];

        if (pagemap_get(v->map, page).cold && claim(v, page))
            pages[n++] = page;
    }
    return n;
}

/* Claims what is resident of [*from, to), up to @max; *from moves on. */
static size_t take_range(struct victims *v, uint64_t *from, uint64_t to, uint64_t *pages,
                         size_t max)
{
    size_t n = 0;

    for (; n < max && *from < to; ++*from)
        if (claim(v, *from))
            pages[n++] = *from;
    return n;
}

static size_t choose_blocks(struct victims *v, uint64_t *pages, size_t max)
{
    uint64_t blocks = (v->map->pages + BLOCK_PAGES - 1) / BLOCK_PAGES;
    uint64_t probes = PROBES * (max / BLOCK_PAGES + 1);
    size_t n = 0;

    while (n < max && probes-- > 0) {
        uint64_t from = random_below(v, blocks) * BLOCK_PAGES;
        uint64_t to = u64_min(from + BLOCK_PAGES, v->map->pages);

        n += take_range(v, &from, to, pages + n, max - n);
    }
    return n;
}

static size_t choose_scan(struct victims *v, uint64_t *pages, size_t max)
{
    uint64_t start = random_below(v, v->map->pages), cursor = start, wrapped = 0;
    size_t n = take_range(v, &cursor, v->map->pages, pages, max);

    return n + take_range(v, &wrapped, start, pages + n, max - n);
}

static int compare_pages(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t resident_count(const struct victims *v)
{
    return atomic_load_explicit(&pagemap_figures(v->map)->pages[PAGE_RESIDENT],
                                memory_order_relaxed);
}

size_t victims_choose(struct victims *v, uint64_t *pages, size_t max)
{
    size_t n;

    if (resident_count(v) == 0)
        return 0;
    n = choose_cold(v, pages, max);
    n += choose_blocks(v, pages + n, max - n);
    if (n < max)
        n += choose_scan(v, pages + n, max - n);
    qsort(pages, n, sizeof(*pages), compare_pages);
    return n;
}

static size_t sample_probing(struct victims *v, uint64_t *pages, size_t max, uint64_t probes)
{
    size_t n = 0;

    while (n < max && probes-- > 0) {
        uint64_t page = random_below(v, v->map->pages);

        if (claim(v, page))
            pages[n++] = page;
    }
    return n;
}

/* Each of the resident pages that are met stays in the draw with the same probability (Vitter 1985,
 * algorithm R). Claimed ones drop out at the end. */
static size_t sample_all(struct victims *v, uint64_t *pages, size_t max)
{
    uint64_t met = 0;
    size_t n = 0, claimed = 0;

    for (uint64_t page = 0; page < v->map->pages; page++) {
        if (!resident(v, page))
            continue;
        uint64_t place = met < max ? met : random_below(v, met + 1);

        met++;
        if (place < max)
            pages[place] = page;
    }
    n = (size_t)u64_min(met, max);
    for (size_t i = 0; i < n; i++)
        if (claim(v, pages[i]))
            pages[claimed++] = pages[i];
    return claimed;
}

size_t victims_sample(struct victims *v, uint64_t *pages, size_t max)
{
    uint64_t there = resident_count(v), probes;
    size_t n;

    if (there == 0 || max == 0)
        return 0;
    /* So many probes find max pages all but surely, unless most of them are claimed. */
    probes = PROBES * (v->map->pages / there + 1) * max;
    if (max <= there / 2 && probes / PROBES < v->map->pages / PROBES)
        n = sample_probing(v, pages, max, probes);
    else
        n = sample_all(v, pages, max);
    qsort(pages, n, sizeof(*pages), compare_pages);
    return n;
}
