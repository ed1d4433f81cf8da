/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of the swap file that faults have begun: many at a time, and what has come is put in at
 * once. Their pages are claimed from before the read until after; a discard meanwhile leaves its
 * mark, which is looked at before a page is put in. (Marks of discards are left by this very
 * thread, so none can come between the look and the COPY.)
 */
#include <errno.h>

#include "pager/faults_impl.h"

/* A free one besides @keep others. */
static struct load *free_load(struct load *loads, unsigned n, unsigned keep)
{
    for (unsigned i = 0; i < n; i++) {
        if (loads[i].state == LOAD_FREE && keep-- == 0)
            return &loads[i];
    }
    return NULL;
}

static int begin(struct faults *f, struct load *load, uint64_t slot)
{
    int r = swapio_read(f->io, load->buffer, load->offset, load->pages * PAGE_BYTES,
                        slot * PAGE_BYTES, load);

    if (r < 0)
        return r;
    load->state = LOAD_READING;
    if (f->spin == SPIN_MAX) /* a series */
        awake_hold(&f->awake);
    return 0;
}

/* 0: @run pages, or fewer, are being read (*pages). -EBUSY: no buffer is free. */
int load_start(struct faults *f, const struct fault *fault, struct page_place place, unsigned run,
               unsigned *pages)
{
    struct load *load = run > 1 ? free_load(f->run, LOADS_RUN, 0) : NULL;

    if (!load) {
        run = 1;
        load = free_load(f->single, LOADS_SINGLE, 0);
    }
    if (!load)
        return -EBUSY;
    load->fault = *fault;
    load->ahead = NULL;
    load->pages = run;
    load->at = 0;
    *pages = run;
    return begin(f, load, place.location);
}

int load_ahead(struct faults *f, uint64_t page, struct page_place place, unsigned run,
               struct stream *stream, unsigned *pages)
{
    struct load *load = free_load(f->run, LOADS_RUN, LOADS_ASKED);

    if (!load)
        return -EBUSY;
    load->fault = (struct fault){.page = page, .missing = true, .io = stream->io};
    load->ahead = stream;
    load->pages = run;
    load->at = 0;
    *pages = run;
    return begin(f, load, place.location);
}

/* The page that somebody waits for is tried again alone; if it was alone, it is held. What was read
 * ahead is left where it is: who waits for it by now is woken, and asks. */
static void failed(struct faults *f, struct load *load, int error)
{
    struct engine *e = f->e;
    uint64_t page = load->fault.page;
    unsigned pages = load->pages;

    count(&pagemap_figures(&e->map)->io_errors, 1);
    load->state = LOAD_FREE;
    for (unsigned i = 1; i < pages; i++)
        engine_give(e, page + i);
    if (load->ahead) {
        engine_give(e, page);
        return;
    }
    if (pages > 1) {
        struct page_place place = pagemap_get(&e->map, page);

        load->pages = 1;
        if (begin(f, load, place.location) == 0)
            return;
    }
    held_add(f, page, error);
    engine_give(e, page);
}

/* Also, by a discard that is under way and has not got there: who comes to wait for it meanwhile is
 * to find that done. */
static bool discarded(struct faults *f, uint64_t page)
{
    if (discard_has(f, page))
        (void)claims_mark(f->e->claims, page, MARK_DISCARDED);
    return claims_peek(f->e->claims, page) & MARK_DISCARDED;
}

/* Puts in the pages from load->at on, up to a discarded one. 0 or -errno. */
static int put_some(struct faults *f, struct load *load)
{
    struct engine *e = f->e;
    uint64_t first = load->fault.page + load->at;
    char *bytes = (char *)swapio_buffer(f->io, load->buffer) + load->offset;
    unsigned n = 0;
    int64_t put;

    while (load->at + n < load->pages && !discarded(f, first + n))
        n++;
    if (n == 0) {
        engine_give(e, first); /* forgets it, and wakes who came after */
        load->at++;
        /* Who came first, too: it faults anew. */
        return uffd_wake(&e->uffd, engine_address(e, first), PAGE_BYTES) == -ESRCH ? -ESRCH : 0;
    }
    put = uffd_copy(&e->uffd, engine_address(e, first), bytes + load->at * PAGE_BYTES,
                    n * PAGE_BYTES);
    if (put == -EEXIST) {
        put = engine_there(e, first);
        put = put == 0 ? (int64_t)PAGE_BYTES : put;
    }
    if (put <= 0)
        return put < 0 ? (int)put : -EAGAIN;
    if (load->at == 0 && load->fault.since > 0)
        pagemap_count_fault(&e->map, FAULT_SWAPPED, engine_now() - load->fault.since);
    if (load->ahead)
        count(&pagemap_figures(&e->map)->read_ahead, (uint64_t)put / PAGE_BYTES);
    if (load->fault.io)
        count(&pagemap_figures(&e->map)->paged_by_guest, (uint64_t)put / PAGE_BYTES);
    engine_arrived(e, first, (uint64_t)put / PAGE_BYTES, load->at == 0 && !load->ahead, false);
    if (load->at == 0)
        held_gone(f, first);
    load->at += (unsigned)((uint64_t)put / PAGE_BYTES);
    return 0;
}

static void put_in(struct faults *f, struct load *load)
{
    /* Who waits at the first page of what was read ahead follows the stream. */
    bool followed = load->ahead && claims_peek(f->e->claims, load->fault.page) & MARK_WANTED;
    int r = 0;

    while (r == 0 && load->at < load->pages)
        r = put_some(f, load);
    if (r == 0) {
        load->state = LOAD_FREE;
        if (followed && load->ahead->next > load->fault.page) /* else it is another stream by now */
            serve_ahead(f, load->ahead, load->fault.page + STREAM_AHEAD);
        return;
    }
    if (r == -ESRCH || r == -ENOENT) { /* there is nobody to put it in for */
        if (r == -ESRCH)
            engine_gone(f->e);
        for (unsigned i = load->at; i < load->pages; i++)
            engine_give(f->e, load->fault.page + i);
        load->state = LOAD_FREE;
        return;
    }
    load->state = LOAD_HERE;
    f->waiting++;
    f->retry_after =
        u64_max(f->retry_after, r == -EAGAIN ? RETRY_CHANGING_USEC : RETRY_NO_MEMORY_USEC);
}

void load_done(struct faults *f, struct load *load, int result)
{
    if (result < 0) {
        failed(f, load, result);
        return;
    }
    count(&pagemap_figures(&f->e->map)->bytes_read, (uint64_t)result);
    put_in(f, load);
}

void load_retry(struct faults *f)
{
    if (f->waiting == 0)
        return;
    f->waiting = 0;
    for (unsigned i = 0; i < LOADS_SINGLE + LOADS_RUN; i++) {
        struct load *load = i < LOADS_SINGLE ? &f->single[i] : &f->run[i - LOADS_SINGLE];

        if (load->state == LOAD_HERE)
            put_in(f, load);
    }
}
