/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fault. What is stored in memory (or not at all) is served at once; for what is in the swap
 * file a read is begun (load.c). In either case the page's claim is held from the look at its entry
 * until it is in the memfd and its entry says so, and neighbours come along only with their claims.
 *
 * A fault on a resident page is a write that met an eviction that was given up or never ended
 * (protection is lifted), the second of two threads on one page (woken), or a hole that QEMU has
 * punched and not told of yet (filled with zeros, which ZEROPAGE does only where there is no data).
 */
#include <errno.h>

#include "pager/faults_impl.h"

/* May @place, that of the page @i pages behind the first, come along with it? */
typedef bool (*alike_fn)(struct page_place first, struct page_place place, unsigned i);

static bool alike_zero(struct page_place first, struct page_place place, unsigned i)
{
    (void)first, (void)i;
    return (place.state == PAGE_ABSENT || place.state == PAGE_ZERO) && !place.sampled;
}

static bool alike_compressed(struct page_place first, struct page_place place, unsigned i)
{
    (void)first, (void)i;
    return place.state == PAGE_COMPRESSED && !place.sampled;
}

static bool alike_swapped(struct page_place first, struct page_place place, unsigned i)
{
    return place.state == PAGE_SWAPPED && place.location == first.location + i;
}

/* Claims what follows @page (claimed) and is alike: the length of the run, up to @max. */
static unsigned claim_run(struct faults *f, uint64_t page, struct page_place first, unsigned max,
                          alike_fn alike)
{
    struct engine *e = f->e;
    unsigned n = 1;

    while (n < max && page + n < e->map.pages && !discard_has(f, page + n) &&
           alike(first, pagemap_get(&e->map, page + n), n)) {
        if (!claims_take(e->claims, page + n))
            break;
        if (!alike(first, pagemap_get(&e->map, page + n), n)) {
            engine_give(e, page + n);
            break;
        }
        n++;
    }
    return n;
}

static void give_run(struct engine *e, uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end; page++)
        engine_give(e, page);
}

static void counted(struct faults *f, const struct fault *fault, enum fault_kind kind)
{
    if (fault->since > 0)
        pagemap_count_fault(&f->e->map, kind, engine_now() - fault->since);
}

/* True: who waits for the claimed page is woken when it is free. */
static bool left_waiting(struct engine *e, const struct fault *fault)
{
    if (fault->since > 0)
        waits_add(&e->waits, fault->page, fault->since);
    if (claims_mark(e->claims, fault->page, MARK_WANTED))
        return true;
    /* Its time goes on; that of others who were there before it has ended. */
    count(&pagemap_figures(&e->map)->waited_usec, waits_end(&e->waits, fault->page, fault->since));
    return false;
}

/*
 * The end of COPY or ZEROPAGE of @n claimed pages, of which @put (bytes, or -errno) came in. All
 * claims are given back; but where nothing came in, the first one's is kept, and the error
 * returned.
 */
static int came_in(struct faults *f, const struct fault *fault, enum fault_kind kind, unsigned n,
                   int64_t put)
{
    uint64_t page = fault->page, got = put > 0 ? (uint64_t)put / PAGE_BYTES : 0;

    if (put == -EEXIST) {
        put = engine_there(f->e, page);
        got = put == 0;
    }
    give_run(f->e, page + u64_max(got, 1), page + n);
    if (got == 0)
        return put < 0 ? (int)put : -EAGAIN;
    counted(f, fault, kind);
    if (fault->io && kind != FAULT_ABSENT)
        count(&pagemap_figures(&f->e->map)->paged_by_guest, got);
    engine_arrived(f->e, page, got, true, false);
    return 0;
}

static int serve_zero(struct faults *f, const struct fault *fault, struct page_place place,
                      unsigned run, unsigned *pages)
{
    uint64_t address = engine_address(f->e, fault->page);
    unsigned max = run < ZERO_RUN_MAX ? run : ZERO_RUN_MAX;

    *pages = claim_run(f, fault->page, place, max, alike_zero);
    return came_in(f, fault, place.state == PAGE_ZERO ? FAULT_ZERO : FAULT_ABSENT, *pages,
                   uffd_zero(&f->e->uffd, address, *pages * PAGE_BYTES));
}

static int serve_compressed(struct faults *f, const struct fault *fault, struct page_place place,
                            unsigned run, unsigned *pages)
{
    struct engine *e = f->e;
    unsigned n = claim_run(f, fault->page, place,
                           run < COMPRESSED_RUN_MAX ? run : COMPRESSED_RUN_MAX, alike_compressed);
    unsigned whole = 0;
    int r = 0;

    while (whole < n) {
        uint64_t page = fault->page + whole;

        r = cache_get(e->cache, page, pagemap_get(&e->map, page), f->pages + whole * PAGE_BYTES);
        if (r < 0)
            break;
        whole++;
    }
    if (whole == 0) {
        give_run(e, fault->page + 1, fault->page + n);
        held_add(f, fault->page, r);
        engine_give(e, fault->page);
        return 0;
    }
    give_run(e, fault->page + whole, fault->page + n);
    *pages = whole;
    return came_in(
        f, fault, FAULT_COMPRESSED, whole,
        uffd_copy(&e->uffd, engine_address(e, fault->page), f->pages, whole * PAGE_BYTES));
}

static int serve_swapped(struct faults *f, const struct fault *fault, struct page_place place,
                         unsigned run, unsigned *pages)
{
    struct engine *e = f->e;
    unsigned n;
    int r;

    if (place.location >= atomic_load(&pagemap_figures(&e->map)->slots)) {
        held_add(f, fault->page, -EUCLEAN);
        engine_give(e, fault->page);
        return 0;
    }
    n = claim_run(f, fault->page, place, run, alike_swapped);
    r = load_start(f, fault, place, n, pages);
    /* What no buffer was free for. */
    give_run(e, fault->page + (r == 0 ? *pages : 1), fault->page + n);
    return r;
}

void serve_ahead(struct faults *f, struct stream *stream, uint64_t end)
{
    struct engine *e = f->e;

    end = f->press.delay > 0 ? 0 : u64_min(end, e->map.pages);
    while (stream->next < end) {
        uint64_t page = stream->next;
        struct page_place place = pagemap_get(&e->map, page);
        unsigned n = 1, pages = 0;

        if (place.state != PAGE_SWAPPED || discard_has(f, page) || !claims_take(e->claims, page))
            return;
        place = pagemap_get(&e->map, page);
        if (place.state == PAGE_SWAPPED &&
            place.location < atomic_load(&pagemap_figures(&e->map)->slots)) {
            n = claim_run(f, page, place, STREAM_RUN_MAX, alike_swapped);
            if (load_ahead(f, page, place, n, stream, &pages) < 0)
                pages = 0;
        }
        give_run(e, page + pages, page + n);
        if (pages == 0)
            return;
        streams_brought(stream, page + pages);
    }
}

static int serve_resident(struct faults *f, const struct fault *fault)
{
    struct engine *e = f->e;
    uint64_t address = engine_address(e, fault->page);
    int64_t put = fault->missing ? uffd_zero(&e->uffd, address, PAGE_BYTES) : -EEXIST;
    int r = put == -EEXIST ? uffd_unprotect(&e->uffd, address, PAGE_BYTES) : put < 0 ? (int)put : 0;

    if (r == 0) {
        counted(f, fault, put == -EEXIST ? FAULT_PROTECTED : FAULT_ABSENT);
        engine_give(e, fault->page);
    }
    return r;
}

static int serve_stored(struct faults *f, const struct fault *fault, struct page_place place)
{
    struct stream *stream;
    unsigned run = streams_fault(&f->streams, fault->page, &stream), pages = 1;
    int r;

    if (f->press.delay > 0)
        run = 1;
    stream->io = fault->io;
    if (place.state == PAGE_COMPRESSED)
        r = serve_compressed(f, fault, place, run, &pages);
    else if (place.state == PAGE_SWAPPED)
        r = serve_swapped(f, fault, place, run, &pages);
    else
        r = serve_zero(f, fault, place, run, &pages);
    streams_brought(stream, fault->page + (r == 0 ? pages : 0));
    if (r == 0 && run == STREAM_RUN_MAX)
        serve_ahead(f, stream, fault->page + STREAM_AHEAD);
    return r;
}

static void retry_later(struct faults *f, struct fault fault, usec_t after)
{
    f->retry_after = u64_max(f->retry_after, after);
    if (f->retries < RETRY_MAX)
        f->retry[f->retries++] = fault;
    else
        f->wake_all = true;
}

void serve_failed(struct faults *f, struct fault fault, int error)
{
    if (error == -ESRCH)
        engine_gone(f->e);
    else if (error == -EAGAIN || error == -EBUSY)
        retry_later(f, fault, RETRY_CHANGING_USEC);
    else if (error != -ENOENT) /* nobody can touch what is not mapped any more */
        retry_later(f, fault, RETRY_NO_MEMORY_USEC);
}

void serve_fault(struct faults *f, struct fault fault)
{
    struct engine *e = f->e;
    struct page_place place;
    int r;

    if (discard_has(f, fault.page)) {
        retry_later(f, fault, 0);
        return;
    }
    while (!claims_take(e->claims, fault.page)) {
        if (left_waiting(e, &fault))
            return;
    }
    place = pagemap_get(&e->map, fault.page);
    if (place.state == PAGE_RESIDENT)
        r = serve_resident(f, &fault);
    else
        r = serve_stored(f, &fault, place);
    if (r < 0) {
        engine_give(e, fault.page);
        serve_failed(f, fault, r);
    }
}
