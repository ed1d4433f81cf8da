/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of pages: who is in one, what is adjacent, and their reads and writes. */
#include <assert.h>
#include <errno.h>
#include <sched.h>

#include "pager/mover_impl.h"

struct batch *batch_new(struct mover *m)
{
    for (unsigned i = 0; i < BATCHES; i++) {
        struct batch *b = &m->batches[i];

        if (!b->used) {
            b->used = true;
            b->n = 0;
            b->requests_made = b->requests_left = 0;
            b->buffer = i;
            return b;
        }
    }
    return NULL;
}

void batch_add(struct batch *b, const struct engine *e, uint64_t page)
{
    b->moved[b->n++] = (struct moved){.page = page, .from = pagemap_get(&e->map, page)};
}

char *batch_bytes(struct mover *m, const struct batch *b, unsigned i)
{
    return (char *)swapio_buffer(m->io, b->buffer) + i * PAGE_BYTES;
}

unsigned batch_pages_leaving(const struct mover *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BATCHES; i++) {
        if (m->batches[i].used && m->batches[i].goal <= GOAL_DRAIN)
            n += m->batches[i].n;
    }
    return n;
}

bool batch_any(const struct mover *m)
{
    for (unsigned i = 0; i < BATCHES; i++) {
        if (m->batches[i].used)
            return true;
    }
    return false;
}

bool batch_free(const struct mover *m)
{
    for (unsigned i = 0; i < BATCHES; i++) {
        if (!m->batches[i].used)
            return true;
    }
    return false;
}

unsigned batch_run(const struct batch *b, unsigned *first, moved_fn fits)
{
    unsigned n;

    while (*first < b->n && !fits(&b->moved[*first]))
        ++*first;
    if (*first == b->n)
        return 0;
    for (n = 1; *first + n < b->n; n++) {
        const struct moved *next = &b->moved[*first + n];

        if (!fits(next) || next->page != b->moved[*first].page + n)
            break;
    }
    return n;
}

int batch_ioctl(struct engine *e, int (*call)(const struct uffd *, uint64_t, uint64_t),
                uint64_t page, unsigned n)
{
    int r;

    /* The faults thread reads the event that stands in the way. */
    while ((r = call(&e->uffd, engine_address(e, page), n * PAGE_BYTES)) == -EAGAIN &&
           !atomic_load(&e->stopping))
        sched_yield();
    if (r == -ESRCH)
        engine_gone(e);
    return r;
}

void batch_request(struct mover *m, struct batch *b, bool write, unsigned first, unsigned n,
                   uint64_t slot)
{
    struct request *request = &b->requests[b->requests_made++];
    int r;

    *request = (struct request){.batch = b, .first = first, .n = n};
    if (write)
        r = swapio_write(m->io, b->buffer, first * PAGE_BYTES, n * PAGE_BYTES, slot * PAGE_BYTES,
                         request);
    else
        r = swapio_read(m->io, b->buffer, first * PAGE_BYTES, n * PAGE_BYTES, slot * PAGE_BYTES,
                        request);
    /* The ring has room for one request per page of each batch. */
    assert(r == 0);
    (void)r;
    b->requests_left++;
}
