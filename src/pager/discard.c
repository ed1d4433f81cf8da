/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest gave back: QEMU has punched the range out of the memfd, waited in madvise until
 * the event was read, and tells the guest now. Each page's copy outside of the memfd is forgotten;
 * pages that are resident, and really there, are not touched.
 *
 * What must not happen: the guest writes to the page anew, the page is evicted, and then forgotten
 * on the word of the old event. (It can write without a fault: a page that was touched, or brought
 * along, between hole and event is in the memfd again.) It does not: the guest writes after it was
 * told, which is after the event was read. If the write is before the page was protected, so is
 * that reading; and an eviction does not enter anything before this thread is through with all that
 * was read when it had protected its pages (engine_through). So the event has been seen to while
 * the page was resident, or claimed and now marked, and then it stays. An event that is read later
 * means what is written later, and nothing can be before the eviction has ended.
 *
 * Faults of a batch of events are served after its discards, and while a long one is under way in
 * slices, those in what is left of it wait: they would bring in what is to be forgotten.
 *
 * Between the guest's discard and our knowing, an old copy may be brought in and stay (a fault that
 * came before the event, or the mover at that moment): the guest gets its own old contents instead
 * of zeros. A balloon and free page reporting promise neither.
 */
#include "pager/faults_impl.h"

/* Pages between two looks at the faults. */
#define SLICE 4096

/* Pages claimed at a time, to ask once whether all of them are holes. */
#define GROUP 64

/* Claims @page; false: its holder will see to the discard. */
static bool claim_or_mark(struct engine *e, uint64_t page)
{
    while (!claims_take(e->claims, page)) {
        if (claims_mark(e->claims, page, MARK_DISCARDED))
            return false;
    }
    return true;
}

/* Resident pages of [first, end), all claimed: those that are holes are absent. */
static void forget_resident(struct engine *e, const uint64_t *pages, unsigned n)
{
    uint64_t data = 0;

    for (unsigned i = 0; i < n; i++) {
        if (data <= pages[i])
            data = engine_next_data(e, pages[i], pages[n - 1] + 1);
        if (data > pages[i]) {
            pagemap_set(&e->map, pages[i], (struct page_place){.state = PAGE_ABSENT});
            count(&pagemap_figures(&e->map)->discarded, 1);
        }
        engine_give(e, pages[i]);
    }
}

static void forget_range(struct engine *e, uint64_t first, uint64_t end)
{
    uint64_t resident[GROUP];
    unsigned n = 0;

    for (uint64_t page = first; page < end; page++) {
        /* Unclaimed, it stays absent: only this thread brings in absent pages. */
        if (pagemap_get(&e->map, page).state == PAGE_ABSENT)
            continue;
        if (!claim_or_mark(e, page))
            continue;
        if (pagemap_get(&e->map, page).state == PAGE_RESIDENT) {
            resident[n++] = page;
            if (n < GROUP)
                continue;
            forget_resident(e, resident, n);
            n = 0;
            continue;
        }
        engine_forget(e, page);
        engine_give(e, page);
    }
    forget_resident(e, resident, n);
}

void discard_slice(struct faults *f)
{
    uint64_t end = u64_min(f->discard_next + SLICE, f->discard_end);

    forget_range(f->e, f->discard_next, end);
    f->discard_next = end;
}

/* One at a time: the one before is finished first. */
void discard_begin(struct faults *f, uint64_t first, uint64_t n)
{
    while (f->discard_next < f->discard_end)
        discard_slice(f);
    f->discard_next = first;
    f->discard_end = first + n;
    discard_slice(f);
}
