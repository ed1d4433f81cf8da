/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first attachment and a takeover are alike: what has data in the memfd is resident, whatever
 * its entry says (an eviction did not come to its end, or a page was just brought back); what is a
 * hole is what its entry says, and absent where that says resident (it was given away by the
 * guest). Slots and records that no entry names are free.
 *
 * Nothing can fill a hole meanwhile, for a touched one waits; holes may come (discards), and are
 * found later by their event or their touch.
 *
 * Faults that the dead pager has read are not told again: the whole range is woken, so that they
 * are raised anew. Discards that it had read and not seen to are lost: such a page comes back with
 * its old contents (discard.c says why that is right).
 *
 * Two entries that name one slot, or an entry that is none, can't come from a pager that was
 * killed. Should it be found all the same, nobody knows what the page was: it is out, without a
 * place, and held when it is touched.
 */
#include "pager/recover.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

/* A slot that no swap file has. */
#define PLACE_LOST ((UINT64_C(1) << 43) - 1)

/* Ioctls over all of a large guest hold its address space for long; so in parts. */
#define PART (1 * GIB)

static void lose(struct engine *e, uint64_t page, const char *why)
{
    log_error("guest %s: the entry of the page at %#" PRIx64 " of its RAM is damaged (%s); it "
              "can't be read back",
              e->map.header->identity.name, page * PAGE_BYTES, why);
    pagemap_set(&e->map, page, (struct page_place){.state = PAGE_SWAPPED, .location = PLACE_LOST});
}

static void are_resident(struct engine *e, uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end; page++) {
        if (pagemap_get(&e->map, page).state != PAGE_RESIDENT)
            pagemap_set(&e->map, page, (struct page_place){.state = PAGE_RESIDENT});
    }
}

static void are_holes(struct engine *e, uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end; page++) {
        struct page_place place = pagemap_get(&e->map, page);

        if (place.state == PAGE_RESIDENT)
            pagemap_set(&e->map, page, (struct page_place){.state = PAGE_ABSENT});
        else if (place.state >= PAGE_STATE_MAX)
            lose(e, page, "no such state");
        else if (place.sampled) { /* the sampler knows of none */
            place.sampled = false;
            pagemap_set(&e->map, page, place);
        }
    }
}

static uint64_t next_hole(const struct engine *e, uint64_t page)
{
    off_t found = lseek(e->memfd, (off_t)(page * PAGE_BYTES), SEEK_HOLE);

    return found < 0 ? e->map.pages : u64_min((uint64_t)found / PAGE_BYTES, e->map.pages);
}

static void compare_with_memfd(struct engine *e)
{
    uint64_t page = 0;

    while (page < e->map.pages) {
        uint64_t data = engine_next_data(e, page, e->map.pages);

        are_holes(e, page, data);
        page = data < e->map.pages ? next_hole(e, data) : data;
        are_resident(e, data, page);
    }
}

/* Takes the slots that entries name. Where one is named twice, both pages are lost. */
static int take_slots(struct engine *e, uint64_t slots)
{
    bool twice = false;
    uint64_t *owner;

    for (uint64_t page = 0; page < e->map.pages; page++) {
        struct page_place place = pagemap_get(&e->map, page);

        if (place.state == PAGE_SWAPPED && place.location != PLACE_LOST &&
            !slots_mark(e->slots, place.location)) {
            if (place.location >= slots)
                lose(e, page, "no such slot");
            else
                twice = true;
        }
    }
    if (!twice)
        return 0;
    owner = calloc(slots, sizeof(*owner)); /* page + 1 */
    if (!owner)
        return -ENOMEM;
    for (uint64_t page = 0; page < e->map.pages; page++) {
        struct page_place place = pagemap_get(&e->map, page);

        if (place.state != PAGE_SWAPPED || place.location >= slots)
            continue;
        if (owner[place.location] == 0) {
            owner[place.location] = page + 1;
            continue;
        }
        lose(e, owner[place.location] - 1, "two pages have one slot");
        lose(e, page, "two pages have one slot");
    }
    free(owner);
    return 0;
}

int recover_map(struct engine *e)
{
    struct pagemap_figures *figures = pagemap_figures(&e->map);
    uint64_t slots = atomic_load(&figures->slots);
    int r;

    e->claims = claims_new(e->map.pages);
    e->slots = slots_new(slots);
    if (!e->claims || !e->slots)
        return -ENOMEM;
    compare_with_memfd(e);
    r = take_slots(e, slots);
    atomic_store(&figures->slots_used, slots_used(e->slots));
    atomic_store(&figures->held_pages, 0);
    return r;
}

/* An event stands in the way of ioctls until it is read. Faults among them come again. */
static void read_events(struct engine *e)
{
    struct uffd_event events[16];
    int n = uffd_read(&e->uffd, events, 16);

    for (int i = 0; i < n; i++) {
        uint64_t first = engine_page(e, events[i].address);

        if (events[i].kind != UFFD_DISCARDED)
            continue;
        for (uint64_t page = first; page < first + events[i].bytes / PAGE_BYTES; page++)
            engine_forget(e, page);
    }
    if (n == 0)
        sched_yield();
}

int recover_waiters(struct engine *e)
{
    uint64_t end = e->uffd.start + e->uffd.size;
    int r = 0;

    for (uint64_t at = e->uffd.start; at < end && r == 0; at += PART) {
        while ((r = uffd_unprotect(&e->uffd, at, u64_min(PART, end - at))) == -EAGAIN)
            read_events(e);
    }
    return r == 0 ? uffd_wake(&e->uffd, e->uffd.start, e->uffd.size) : r;
}
