/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who works on which page. A page's claim is one bit; who has set it may change the page's entry,
 * its slot, its bytes in the cache and its backing in the memfd, and nobody else may. Claims are
 * never waited for, and no other lock is held over I/O:
 * - who finds a page claimed leaves a mark on it (a fault: wanted; a discard: discarded) and goes
 * on;
 * - who gives a claim back gets the marks, and does what was left to do.
 *
 * claims.c says why a mark that was left is seen to, and by one.
 *
 * Claims die with the process: a pager that takes over starts with none (recover.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum claim_mark {
    MARK_WANTED = 1 << 0, /* somebody waits for the page: wake the page's waiters when it is free */
    MARK_DISCARDED = 1 << 1, /* the guest gave the page back: forget what is stored of it */
};

struct claims;

/* Half a byte per page (1/8192 of the guest). NULL: out of memory. */
struct claims *claims_new(uint64_t pages);
void claims_free(struct claims *c);

/* True: the page is the caller's now. It sees all that the last holder did. */
bool claims_take(struct claims *c, uint64_t page);

/*
 * Leaves @mark on a page that is claimed. True: its holder will see to it. False: it is not claimed
 * any more, the mark is not left, and the caller tries to claim it again.
 */
bool claims_mark(struct claims *c, uint64_t page, enum claim_mark mark);

/* Marks left so far; the holder may look at them to give up early. */
unsigned claims_peek(const struct claims *c, uint64_t page);

/*
 * Gives the page back. Returns the marks that were left and are now the caller's to see to; 0:
 * none. With MARK_DISCARDED the claim is NOT given back, and a MARK_WANTED stays: the caller
 * forgets what is stored, then calls again.
 *
 *     while ((marks = claims_give(c, page)) & MARK_DISCARDED)
 *         forget(page);
 *     if (marks & MARK_WANTED)
 *         wake(page);
 */
unsigned claims_give(struct claims *c, uint64_t page);
