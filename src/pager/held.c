/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages that somebody waits for and that can't be read back. They are never replaced: their waiters
 * wait, and every HELD_RETRY they are tried again, as if touched anew. At most one page per thread
 * of QEMU is waited for, so the table has room; should it not, the rest is woken and faults again.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "pager/faults_impl.h"

static void tell(struct faults *f)
{
    struct pagemap_figures *figures = pagemap_figures(&f->e->map);

    atomic_store(&figures->held_pages, f->held.n);
    if (f->held.n > 0) {
        atomic_store(&figures->held_page, f->held.pages[0]);
        return;
    }
    log_notice("guest %s: all pages can be read back again", f->e->map.header->identity.name);
    engine_say(f->e, PAGER_SAYS_HEALED, PAGER_VERB_MAX, "%s", "");
}

static int find(const struct held *held, uint64_t page)
{
    for (unsigned i = 0; i < held->n; i++) {
        if (held->pages[i] == page)
            return (int)i;
    }
    return -1;
}

/* @error: -errno. */
void held_add(struct faults *f, uint64_t page, int error)
{
    struct held *held = &f->held;
    const struct page_place place = pagemap_get(&f->e->map, page);
    const char *from = place.state == PAGE_SWAPPED ? f->e->swap_path : "the compression cache";

    if (held->n == 0)
        held->next = engine_now() + HELD_RETRY;
    if (find(held, page) >= 0)
        return;
    if (held->n == HELD_MAX) {
        held->more = true;
        return;
    }
    held->pages[held->n++] = page;
    atomic_store(&pagemap_figures(&f->e->map)->held_errno, (uint64_t)-error);
    tell(f);
    log_error("guest %s: the page at %#" PRIx64 " of its RAM can't be read back from %s: %s; who "
              "touches it waits until it can",
              f->e->map.header->identity.name, page * PAGE_BYTES, from, strerror(-error));
    engine_say(f->e, PAGER_SAYS_HELD, PAGER_VERB_MAX,
               "the page at %#" PRIx64 " of guest RAM can't be read back from %s: %s",
               page * PAGE_BYTES, from, strerror(-error));
}

void held_gone(struct faults *f, uint64_t page)
{
    int i = f->held.n > 0 ? find(&f->held, page) : -1;

    if (i < 0)
        return;
    f->held.pages[i] = f->held.pages[--f->held.n];
    tell(f);
}

void held_tick(struct faults *f, usec_t now)
{
    struct held *held = &f->held;
    uint64_t pages[HELD_MAX];
    unsigned n = held->n;

    if (n == 0 || now < held->next)
        return;
    held->next = now + HELD_RETRY;
    memcpy(pages, held->pages, n * sizeof(pages[0]));
    for (unsigned i = 0; i < n; i++) {
        enum page_state state = pagemap_get(&f->e->map, pages[i]).state;

        /* Brought by the mover; or discarded, and then nobody has woken who waits. */
        if (state != PAGE_SWAPPED && state != PAGE_COMPRESSED) {
            held_gone(f, pages[i]);
            (void)uffd_wake(&f->e->uffd, engine_address(f->e, pages[i]), PAGE_BYTES);
        } else {
            serve_fault(f, (struct fault){.page = pages[i], .missing = true});
        }
    }
    if (held->more) {
        held->more = false;
        f->wake_all = true;
    }
}
