/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of pages comes back: everything at unpark and detach, and samples that were not touched.
 * The steps of engine.h; reads of adjacent slots are one request. What can't be read stays out, and
 * is counted: it is for the faults thread to hold it if somebody waits.
 *
 * The look at the marks and the COPY are not one step, so a discard may come between: discard.c
 * says why that does no harm.
 */
#include <errno.h>
#include <sched.h>

#include "pager/mover_impl.h"

/* The run of adjacent slots from position @i on. */
static unsigned slots_run(const struct batch *b, unsigned i, uint64_t slots)
{
    unsigned n = 0;

    while (i + n < b->n && b->moved[i + n].from.state == PAGE_SWAPPED && !b->moved[i + n].keep &&
           b->moved[i + n].from.location == b->moved[i].from.location + n &&
           b->moved[i + n].from.location < slots)
        n++;
    return n;
}

static void read_stored(struct mover *m, struct batch *b)
{
    uint64_t slots = atomic_load(&pagemap_figures(&m->e->map)->slots);

    for (unsigned i = 0; i < b->n;) {
        struct moved *moved = &b->moved[i];
        unsigned n = slots_run(b, i, slots);

        if (n > 0) {
            for (unsigned k = i; k < i + n; k++)
                b->at[k] = k;
            batch_request(m, b, false, i, n, moved->from.location);
            i += n;
            continue;
        }
        if (moved->from.state != PAGE_COMPRESSED ||
            cache_get(m->e->cache, moved->page, moved->from, batch_bytes(m, b, i)) < 0)
            moved->keep = moved->failed = true;
        i++;
    }
}

void back_begin(struct mover *m, struct batch *b)
{
    read_stored(m, b);
    if (b->requests_left == 0)
        back_finish(m, b);
}

void back_read(struct mover *m, struct batch *b, const struct request *request, int result)
{
    struct pagemap_figures *figures = pagemap_figures(&m->e->map);

    if (result >= 0) {
        count(&figures->bytes_read, (uint64_t)result);
        return;
    }
    count(&figures->io_errors, 1);
    for (unsigned i = request->first; i < request->first + request->n; i++)
        b->moved[i].keep = b->moved[i].failed = true;
}

static bool comes_in(const struct moved *moved)
{
    return !moved->keep;
}

/* Puts in @n adjacent pages from position @i on and gives their claims back. */
static void put_in(struct mover *m, struct batch *b, unsigned i, unsigned n)
{
    struct engine *e = m->e;
    bool cold = b->goal == GOAL_COLD;

    while (n > 0) {
        uint64_t page = b->moved[i].page;
        int64_t put =
            uffd_copy(&e->uffd, engine_address(e, page), batch_bytes(m, b, i), n * PAGE_BYTES);
        unsigned got;

        if (put == -EEXIST && (put = engine_there(e, page)) == 0)
            put = (int64_t)PAGE_BYTES;
        if ((put == -EAGAIN || put == -ENOMEM) && !atomic_load(&e->stopping)) {
            sched_yield();
            continue;
        }
        if (put <= 0)
            break;
        got = (unsigned)((uint64_t)put / PAGE_BYTES);
        engine_arrived(e, page, got, false, cold);
        for (unsigned k = 0; cold && k < got; k++)
            victims_cold(e->victims, page + k);
        m->moved_in_pass += got;
        i += got;
        n -= got;
    }
    if (n > 0 && !atomic_load(&e->stopping))
        m->failed_in_pass += n;
    for (; n > 0; n--, i++)
        engine_give(e, b->moved[i].page);
}

void back_finish(struct mover *m, struct batch *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        struct moved *moved = &b->moved[i];

        if (claims_peek(m->e->claims, moved->page) & MARK_DISCARDED)
            moved->keep = true; /* the claim is given back with that seen to */
        m->failed_in_pass += moved->failed;
        if (moved->keep)
            engine_give(m->e, moved->page);
    }
    for (unsigned i = 0, n; (n = batch_run(b, &i, comes_in)) > 0; i += n)
        put_in(m, b, i, n);
    b->used = false;
}
