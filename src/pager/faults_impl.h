/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the faults thread share: faults.c (its loop), serve.c (a fault), load.c (reads
 * of the swap file), held.c (pages that can't be read back), discard.c (what the guest gave back),
 * press.c (faults of a guest that takes more than can be put out).
 * Everything here belongs to that one thread. */
#pragma once

#include "pager/awake.h"
#include "pager/engine.h"
#include "pager/faults.h"
#include "pager/streams.h"
#include "pager/swapio.h"
#include "pager/worker.h"

/* Reads under way: of single pages, which have one run's buffer together, and of runs. */
#define LOADS_SINGLE STREAM_RUN_MAX
#define LOADS_RUN    8

/* Of the latter, those that are left to who waits when more is read ahead. */
#define LOADS_ASKED 2

/* Compressed, or never used, pages brought at a time. */
#define COMPRESSED_RUN_MAX 16
#define ZERO_RUN_MAX       32

#define RETRY_MAX 256
#define HELD_MAX  64

/* Times between two tries: the address space is changing; the host has no memory. */
#define RETRY_CHANGING_USEC  50
#define RETRY_NO_MEMORY_USEC 1000

struct fault {
    uint64_t page;
    bool missing; /* false: a write to a protected page */
    bool io;      /* QEMU reads it for the guest's own I/O (cpus.h) */
    usec_t since; /* when it was read; 0: not to be counted, nobody knows how long it waited */
};

/* Microseconds that the thread spins at most after something happened, as it does in a series of
 * faults: above a read of the disk, below what anybody would notice. */
#define SPIN_MAX 100

enum load_state {
    LOAD_FREE,
    LOAD_READING,
    LOAD_HERE, /* its bytes are, and are yet to be put in */
};

/* A read of adjacent pages from adjacent slots. Their claims are held. */
struct load {
    enum load_state state;
    struct fault fault; /* its page is the first */
    unsigned pages, at; /* how many; the first that is not seen to yet */
    unsigned buffer;
    size_t offset;        /* in it, of the first page */
    struct stream *ahead; /* of what it is read ahead; NULL: its first page was asked for */
};

#define PRESS_MAX 256

/* Faults that are put off: press.c. */
struct press {
    struct {
        struct fault fault;
        usec_t until;
    } off[PRESS_MAX];
    unsigned n;
    usec_t next;  /* when the first one is due */
    usec_t delay; /* of a fault that comes now; 0: none */
    uint64_t low; /* bytes: the least that the guest has occupied above what it is allowed */
};

struct held {
    uint64_t pages[HELD_MAX];
    unsigned n;
    bool more; /* than there is room for */
    usec_t next;
};

struct faults {
    struct engine *e;
    struct swapio *io;
    struct worker worker;

    struct streams streams;
    struct load single[LOADS_SINGLE], run[LOADS_RUN];
    struct fault retry[RETRY_MAX];
    unsigned retries, waiting; /* waiting: loads that are LOAD_HERE */
    usec_t retry_after;        /* between two tries, the longest that was asked for */
    bool wake_all;             /* a fault was dropped for want of room */
    struct held held;
    struct press press;
    uint64_t discard_next, discard_end; /* pages of a discard, not seen to yet */
    char *pages;                        /* COMPRESSED_RUN_MAX pages, aligned */

    struct awake awake;
    usec_t spin_until;
    unsigned spin;  /* microseconds to spin after something happened */
    usec_t spun_at; /* begin of the last round, if it had nothing to do and did not sleep; or 0 */
    usec_t spin_after; /* no spinning until then */
    bool poll_armed;   /* the ring watches the userfaultfd */
};

/* serve.c */
void serve_fault(struct faults *f, struct fault fault);
/* An error of COPY or ZEROPAGE: what is to be done about @fault, whose claim was given back. */
void serve_failed(struct faults *f, struct fault fault, int error);
/* Reads of @stream what is in the swap file and follows, as far as page @end. */
void serve_ahead(struct faults *f, struct stream *stream, uint64_t end);

/* load.c */
int load_start(struct faults *f, const struct fault *fault, struct page_place place, unsigned run,
               unsigned *pages);
/* The same for what nobody has asked for yet. -EBUSY: what room there is, is kept for who waits. */
int load_ahead(struct faults *f, uint64_t page, struct page_place place, unsigned run,
               struct stream *stream, unsigned *pages);
void load_done(struct faults *f, struct load *load, int result);
void load_retry(struct faults *f);

/* held.c */
void held_add(struct faults *f, uint64_t page, int error);
void held_gone(struct faults *f, uint64_t page);
void held_tick(struct faults *f, usec_t now);

/* press.c */
/* Serves @fault that has just been read, or puts it off. */
void press_fault(struct faults *f, struct fault fault);
/* Serves those that were put off long enough. */
void press_tick(struct faults *f);

/* discard.c */
void discard_begin(struct faults *f, uint64_t first, uint64_t n);
void discard_slice(struct faults *f);
static inline bool discard_has(const struct faults *f, uint64_t page)
{
    return page >= f->discard_next && page < f->discard_end;
}
