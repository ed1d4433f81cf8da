/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four bits per page, sixteen pages to a word: claimed, wanted, discarded, one unused. All that
 * happens to a page is one atomic change of its word, so the changes of a page have one order, and
 * each sees the result of the one before:
 *
 *     take:  0 -> claimed                          (else no change: not taken)
 *     mark:  claimed|m -> claimed|m|mark           (else no change: not left)
 *     give:  claimed|m|discarded -> claimed|m      (returned; the claim is kept)
 *            claimed|m -> 0                        (m is returned)
 *
 * - A page without a claim has no marks: only mark sets one, on a claimed page, and what takes the
 *   claim away takes all marks with it in the same change.
 * - So a mark that was left is seen to: the claim can't go without it, and it stays until a give
 *   returns it. A give returns each mark that it clears, to one caller: it is seen to by one. (A
 *   MARK_WANTED beside a MARK_DISCARDED is returned by both gives, to the same holder.)
 * - Who was refused a mark knows that the page was free at that instant, and can take it.
 *
 * take acquires and give releases: what a holder did is seen by the next. mark releases and give
 * acquires: what the marker did before is seen by the holder who sees to the mark. The neighbours
 * in a word cost at most a repetition of a compare-and-exchange.
 */
#include "pager/claims.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BITS_PER_PAGE  4
#define PAGES_PER_WORD (64 / BITS_PER_PAGE)
#define CLAIMED        UINT64_C(4)
#define MARKS          ((uint64_t)(MARK_WANTED | MARK_DISCARDED))
_Static_assert((CLAIMED & MARKS) == 0, "a claim is no mark");

struct claims {
    uint64_t pages;
    _Atomic uint64_t words[];
};

struct claims *claims_new(uint64_t pages)
{
    uint64_t words = pages / PAGES_PER_WORD + 1;
    struct claims *c = calloc(1, sizeof(*c) + words * sizeof(c->words[0]));

    if (c)
        c->pages = pages;
    return c;
}

void claims_free(struct claims *c)
{
    free(c);
}

static unsigned shift_of(uint64_t page)
{
    return (unsigned)(page % PAGES_PER_WORD) * BITS_PER_PAGE;
}

bool claims_take(struct claims *c, uint64_t page)
{
    uint64_t claim = CLAIMED << shift_of(page);

    assert(page < c->pages);
    return (atomic_fetch_or_explicit(&c->words[page / PAGES_PER_WORD], claim,
                                     memory_order_acq_rel) &
            claim) == 0;
}

bool claims_mark(struct claims *c, uint64_t page, enum claim_mark mark)
{
    _Atomic uint64_t *word = &c->words[page / PAGES_PER_WORD];
    unsigned shift = shift_of(page);
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

    assert(page < c->pages);
    do {
        if ((old & CLAIMED << shift) == 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(word, &old, old | (uint64_t)mark << shift,
                                                    memory_order_acq_rel, memory_order_acquire));
    return true;
}

unsigned claims_peek(const struct claims *c, uint64_t page)
{
    uint64_t word = atomic_load_explicit(&c->words[page / PAGES_PER_WORD], memory_order_acquire);

    assert(page < c->pages);
    return (unsigned)(word >> shift_of(page) & MARKS);
}

unsigned claims_give(struct claims *c, uint64_t page)
{
    _Atomic uint64_t *word = &c->words[page / PAGES_PER_WORD];
    unsigned shift = shift_of(page);
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t clear;

    assert(page < c->pages);
    do {
        assert(old & CLAIMED << shift);
        clear = old >> shift & MARK_DISCARDED ? MARK_DISCARDED : CLAIMED | MARKS;
    } while (!atomic_compare_exchange_weak_explicit(word, &old, old & ~(clear << shift),
                                                    memory_order_acq_rel, memory_order_acquire));
    return (unsigned)(old >> shift & MARKS);
}
