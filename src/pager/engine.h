/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a page moves, and why none is lost.
 *
 * A page of guest RAM is in the memfd (resident) or not; if not, its entry in the map says where
 * its bytes are. The one rule that everything follows: AT ANY INSTANT, IF THE MEMFD HAS DATA FOR A
 * PAGE, THAT IS THE PAGE; IF IT HAS A HOLE, THE PAGE IS WHAT THE MAP SAYS. A takeover (recover.c)
 * needs nothing else.
 *
 *   Out (mover.c), by the thread that holds the page's claim:
 *     1. write-protect it: from here on nobody changes it (who tries, waits: a fault)
 *     2. read it from the memfd; a hole here: the guest gave it away, it is absent, done
 *     3. zero? nothing to store. Compresses well? into the cache. Else: into a free slot; wait for
 * the write.
 *     4. marked as wanted meanwhile? Give up: free what was stored, unprotect, it stays resident
 *     5. set the map's entry: from here on there are two equal copies, and the memfd's counts
 *     6. punch the hole: now there is one
 *     7. give the claim back; wake who waits, if it is marked as wanted
 *   In (faults.c for one that is touched, mover.c for unpark and detach), by the holder of the
 * claim:
 *     1. read the bytes: slot, cache, or none for zero and absent
 *     2. UFFDIO_COPY (ZEROPAGE): puts the page into the memfd and wakes. From here on the memfd
 * counts
 *     3. set the map's entry to resident
 *     4. free the slot or the record; give the claim back
 *   Killed between any two of these steps, the rule holds, and what is stored beside a resident
 * page is garbage that a takeover frees. A write protection that is left behind shows as a fault
 * and is lifted. A read that fails leaves the page out: who touches it waits, the pager tries again
 * (HELD_RETRY), and says so.
 *
 * What could break the rule, and does not:
 * - a store to the page after step 2 of Out: only through a mapping that is not write-protected.
 * QEMU, its vCPUs and the kernel acting for it (KVM, vhost, system calls) are bound by QEMU's page
 * tables; other processes that map the memfd, and DMA to pages that were looked up before (vfio,
 * O_DIRECT), are not: such guests are refused (attach.h), and told off eviction when one of these
 * turns up later (PAGER_EVICTING).
 * - a hole read through a mapping would become a page of zeros: the pager reads the memfd with
 * pread alone.
 * - a discard by QEMU (balloon, free page reporting) that is taken for an eviction's hole, or for
 * none: QEMU punches, then waits until the pager has read the event, and only then tells the guest.
 * A page with the event is forgotten unless it is resident; if it is claimed, its holder forgets it
 * (MARK_DISCARDED). A resident page is never dropped on an event's word: the guest may have written
 * to it since.
 * - two of the pager's threads on one page: claims (claims.h).
 *
 * Threads:
 *   control (main)  order socket, end of the guest, phases. Never touches a page.
 *   faults          reads the userfaultfd, serves what it can at once, has reads of the swap file
 * under way for the rest. Never waits for anything but events and completions; never repeats a call
 * on EAGAIN before it has read the next events (see uffd.h). mover           evicts, parks,
 * unparks, drains the cache, moves samples: one thing at a time, in batches; I/O of one batch
 * overlaps with the next one's preparation. Locks: a claim per page (never waited for); one mutex
 * each in slots, cache and sampler, held for microseconds, never over I/O, never two at a time.
 * Everything else between threads is an atomic word.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "pager/cache.h"
#include "pager/claims.h"
#include "pager/map.h"
#include "pager/sampler.h"
#include "pager/slots.h"
#include "pager/uffd.h"
#include "pager/victims.h"

/* What the threads share. */
struct engine {
    struct pagemap map;
    struct uffd uffd;
    int memfd, swap_fd;
    struct claims *claims;
    struct slots *slots;
    struct cache *cache;
    struct sampler *sampler;
    struct victims *victims; /* of the mover */
};

static inline uint64_t engine_address(const struct engine *e, uint64_t page)
{
    return e->uffd.start + page * PAGE_BYTES;
}

static inline uint64_t engine_page(const struct engine *e, uint64_t address)
{
    return (address - e->uffd.start) / PAGE_BYTES;
}
