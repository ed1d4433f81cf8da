/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a page moves, and why none is lost.
 *
 * A page of guest RAM is in the memfd (resident) or not; if not, its entry in the map says where
 * its bytes are. The one rule that everything follows: AT ANY INSTANT, IF THE MEMFD HAS DATA FOR A
 * PAGE, THAT IS THE PAGE; IF IT HAS A HOLE, THE PAGE IS WHAT THE MAP SAYS. A takeover (recover.c)
 * needs nothing else.
 *
 *   Out (evict.c), by the thread that holds the page's claim:
 *     1. write-protect it: from here on nobody changes it (who tries, waits: a fault)
 *     2. read it from the memfd; a hole reads as zeros, and is: the guest gave it away
 *     3. zero? nothing to store. Compresses well? into the cache. Else: into a free slot; wait for
 *        the write
 *     4. wait until all discards are seen to that had been told of when the page was protected
 *        (discard.c). Marked as wanted or discarded meanwhile? Give up: free what was stored,
 *        unprotect, it stays resident
 *     5. set the map's entry: from here on there are two equal copies, and the memfd's counts
 *     6. punch the hole: now there is one
 *     7. give the claim back; wake who waits, if it is marked as wanted
 *   Between cache and swap file (evict.c: park, overflow): as Out from step 3 on, without a memfd:
 *     store anew, set the entry, free the old record. Nothing in the memfd changes.
 *   In (serve.c for one that is touched, bringback.c for unpark and detach), by the holder of the
 *   claim:
 *     1. read the bytes: slot, cache, or none for zero and absent
 *     2. UFFDIO_COPY (ZEROPAGE): puts the page into the memfd and wakes. From here on the memfd
 *        counts
 *     3. set the map's entry to resident
 *     4. free the slot or the record; give the claim back
 *   Killed between any two of these steps, the rule holds, and what is stored beside a resident
 *   page is garbage that a takeover frees. A write protection that is left behind shows as a fault
 *   and is lifted. A read that fails leaves the page out: who touches it waits, the pager tries
 *   again (HELD_RETRY), and says so.
 *
 * What could break the rule, and does not:
 * - A store to the page after step 2 of Out: only through a mapping that is not write-protected.
 *   QEMU, its vCPUs and the kernel acting for it (KVM, vhost, system calls) are bound by QEMU's
 *   page tables; other processes that map the memfd, and DMA to pages that were looked up before
 *   (vfio, O_DIRECT), are not: such guests are refused (attach.h), and told off eviction when one
 *   of these turns up later (PAGER_EVICTING). Protection is lifted (unprotect, COPY) only by who
 *   holds the page's claim.
 * - A hole that is filled by somebody else: no one but COPY and ZEROPAGE of this pager does; a
 *   touch of it anywhere is a fault that waits for us. The pager itself reads the memfd with pread
 *   alone, for a hole that is read through a mapping becomes a page of zeros.
 * - A hole that was punched but is none: the kernel zeroes a part of a huge page that it can't
 *   split, and keeps it: the guest reads zeros without a fault. Shared memory with huge pages is
 *   refused at the start (attach.h). Should some come to be later, evict.c looks at every hole that
 *   it has punched, puts the contents of such a page back at once, and evicts no more. Only who
 *   reads the page within these microseconds, or kills the pager in them, would be harmed.
 * - A discard by QEMU (balloon, free page reporting) that is taken for an eviction's hole, or for
 *   none: QEMU punches, then waits until the pager has read the event, and only then tells the
 *   guest. A page with the event is forgotten unless it is resident; if it is claimed, its holder
 *   forgets it (MARK_DISCARDED). A resident page is never dropped on an event's word: the guest may
 *   have written to it since. discard.c says why a page that came back after the discard, and was
 *   evicted again, is not forgotten by it.
 * - A write of a pager that was killed, that comes to a slot after it was given to another page:
 * the kernel keeps the swap file's lock until the last one has ended, and who takes over waits for
 *   that (hold.c). Its threads, and so its ioctls, have ended when the map's lock is free.
 * - Two of the pager's threads on one page: claims (claims.h).
 *
 * Threads:
 *   control (main)  order socket, end of the guest, notices. Never touches a page.
 *   faults          reads the userfaultfd, serves what it can at once, has reads of the swap file
 *                   under way for the rest. Never waits for anything but events and completions;
 *                   never repeats a call on EAGAIN before it has read the next events (uffd.h).
 *                   Puts a fault off, once and for milliseconds, while the guest gains on the
 *                   mover (press.c).
 *   mover           evicts, parks, unparks, drains the cache, moves samples: one thing at a time,
 *                   in batches; I/O of one batch overlaps with the next one's preparation. Says
 *                   whether it can relieve the host (relieves): it does, or would if it had to.
 *   The last two have priority over the guests: a guest that they serve at one's cost would
 *   outrun the other.
 * Locks: a claim per page (never waited for); one mutex each in slots, cache and sampler, held for
 * microseconds, never over I/O, never two at a time. Everything else between threads is an atomic
 * word, and notices go to control through a socket.
 */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pager/cache.h"
#include "pager/claims.h"
#include "pager/cpus.h"
#include "pager/map.h"
#include "pager/order.h"
#include "pager/sampler.h"
#include "pager/slots.h"
#include "pager/uffd.h"
#include "pager/victims.h"
#include "pager/waits.h"

/* A page that can't be read back is tried again this often. */
#define HELD_RETRY USEC_PER_SEC

/*
 * However little a guest is allowed, eviction leaves it this many pages: an instruction needs
 * several at once, and has to get them before they are gone again. Parking leaves none.
 */
#define RESIDENT_FLOOR 256

/* What the mover is to do with the guest as a whole; orders, that are done once. */
enum engine_task {
    TASK_NONE,
    TASK_PARK,
    TASK_UNPARK,
    TASK_DETACH,
};

/* What the threads share. Descriptors are the main file's to close. */
struct engine {
    struct pagemap map;
    struct uffd uffd;
    int memfd, swap_fd;
    const char *swap_path; /* for messages */
    struct claims *claims;
    struct slots *slots;
    struct cache *cache;
    struct sampler *sampler;
    struct victims *victims; /* of the mover */
    struct waits waits;

    /* Orders: control writes, the mover reads. How much is allowed is figures.allowed. */
    _Atomic unsigned task;         /* enum engine_task; the mover sets it back when it is done */
    _Atomic bool evicting;         /* false: PAGER_EVICTING 0 */
    _Atomic bool sampling_changed; /* the sampler was configured */
    _Atomic uint64_t cache_limit;
    struct cpus cpus; /* as control was told */

    _Atomic bool relieves;       /* the mover can put out what the guest occupies too much */
    _Atomic bool mover_waits;    /* for something to do: poke it (engine_poke) */
    _Atomic uint64_t faults_seq; /* odd: the faults thread has read events and is not through */
    _Atomic bool stopping;       /* faults and mover are to end */
    _Atomic bool gone;           /* so has the guest */

    int poke_fd;   /* eventfd: something to do for the mover */
    int notice_fd; /* socket: struct pager_notice for control */
};

static inline uint64_t engine_address(const struct engine *e, uint64_t page)
{
    return e->uffd.start + page * PAGE_BYTES;
}

static inline uint64_t engine_page(const struct engine *e, uint64_t address)
{
    return (address - e->uffd.start) / PAGE_BYTES;
}

/* Is there no data in the memfd for @page? Its claim is held, so that it stays so. */
bool engine_is_hole(const struct engine *e, uint64_t page);

/* First page from @page on, below @end, with data in the memfd; @end: none. */
uint64_t engine_next_data(const struct engine *e, uint64_t page, uint64_t end);

/* What was stored for @page at @place is not needed any more; the entry has been changed. */
void engine_free_stored(struct engine *e, uint64_t page, struct page_place place);

/* The guest gave @page back: what is stored of it goes. Resident with data it stays. Claim held. */
void engine_forget(struct engine *e, uint64_t page);

/* Gives the claim back and sees to what was marked. */
void engine_give(struct engine *e, uint64_t page);

/*
 * Steps 3 and 4 of In for @n pages from @first on, that are in the memfd now; claims are held, and
 * given back. @asked: the first one is what somebody waits for, the others came along.
 */
void engine_arrived(struct engine *e, uint64_t first, uint64_t n, bool asked, bool cold);

/*
 * COPY or ZEROPAGE says that @page is there (EEXIST); its claim is held. Lifts what keeps its
 * waiters: 0, or -errno. -EAGAIN: it is not there after all, and what is stored of it is the page.
 */
int engine_there(const struct engine *e, uint64_t page);

/* Wakes the mover if it waits. */
void engine_poke(struct engine *e);

/* Bytes that the guest occupies above what it is allowed. */
uint64_t engine_excess(const struct engine *e);

/*
 * For what: discard.c. engine_events names the events that the faults thread has read up to now;
 * engine_through waits until it is through with them. False: the threads are to end, and it is not.
 * Not for the faults thread.
 */
uint64_t engine_events(const struct engine *e);
bool engine_through(const struct engine *e, uint64_t events);

/* The guest's process has ended: says so once, and threads end. */
void engine_gone(struct engine *e);

/* To whom it may concern: dropped if it can't be sent at once. */
void engine_say(const struct engine *e, enum pager_notice_kind kind, enum pager_verb verb,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Now, CLOCK_MONOTONIC. */
usec_t engine_now(void);
