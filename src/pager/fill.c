/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages go into the next batch. An entry is looked at before its page is claimed, to claim
 * little in vain, and again with the claim, which is what counts.
 */
#include <stdlib.h>

#include "pager/mover_impl.h"

static bool is_out(struct page_place place)
{
    return place.state == PAGE_SWAPPED || place.state == PAGE_COMPRESSED;
}

static bool takes_room(struct page_place place)
{
    return place.state == PAGE_RESIDENT || place.state == PAGE_COMPRESSED;
}

/* Claims @page and adds it if it is @right. */
static void add_if(struct mover *m, struct batch *b, uint64_t page,
                   bool (*right)(struct page_place place))
{
    struct engine *e = m->e;

    if (!right(pagemap_get(&e->map, page)) || !claims_take(e->claims, page))
        return;
    if (right(pagemap_get(&e->map, page)))
        batch_add(b, e, page);
    else
        engine_give(e, page);
}

/* The next pages of a pass. */
static void fill_in_order(struct mover *m, struct batch *b, bool (*right)(struct page_place place))
{
    while (b->n < BATCH_PAGES && m->cursor < m->e->map.pages)
        add_if(m, b, m->cursor++, right);
}

static bool is_resident(struct page_place place)
{
    return place.state == PAGE_RESIDENT;
}

void fill_claimed(struct mover *m, struct batch *b, const uint64_t *pages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_resident(pagemap_get(&m->e->map, pages[i])))
            batch_add(b, m->e, pages[i]);
        else
            engine_give(m->e, pages[i]);
    }
}

static int by_page(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool is_compressed(struct page_place place)
{
    return place.state == PAGE_COMPRESSED;
}

void fill_compressed(struct mover *m, struct batch *b, uint64_t *pages, size_t n)
{
    qsort(pages, n, sizeof(pages[0]), by_page);
    for (size_t i = 0; i < n; i++)
        add_if(m, b, pages[i], is_compressed);
}

void fill_batch(struct mover *m, struct batch *b, enum activity activity)
{
    uint64_t pages[BATCH_PAGES];
    size_t n;

    if (activity == ACTIVITY_PARK) {
        b->goal = GOAL_SWAP;
        fill_in_order(m, b, takes_room);
    } else if (activity == ACTIVITY_BACK) {
        b->goal = GOAL_BACK;
        fill_in_order(m, b, is_out);
    } else if (activity == ACTIVITY_EVICT) {
        b->goal = GOAL_ANYWHERE;
        n = u64_min((mover_to_evict(m) + PAGE_BYTES - 1) / PAGE_BYTES, BATCH_PAGES);
        if (n > 0)
            n = victims_choose(m->e->victims, pages, n);
        fill_claimed(m, b, pages, n);
    } else {
        b->goal = activity == ACTIVITY_DRAIN ? GOAL_DRAIN : GOAL_RENEW;
        m->cache_full = false;
        n = cache_oldest(m->e->cache, pages, BATCH_PAGES);
        fill_compressed(m, b, pages, n);
    }
}
