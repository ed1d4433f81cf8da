/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the mover thread share: mover.c (what to do next), batch.c (its batches),
 * evict.c (a batch goes out), bringback.c (a batch comes back). All of it belongs to that thread.
 */
#pragma once

#include "pager/engine.h"
#include "pager/mover.h"
#include "pager/swapio.h"
#include "pager/worker.h"

#define BATCHES     4
#define BATCH_PAGES 128
#define BATCH_BYTES (BATCH_PAGES * PAGE_BYTES)

/* After writes have failed none are tried for this long, doubled each time. */
#define WRITE_BACKOFF_MIN USEC_PER_SEC
#define WRITE_BACKOFF_MAX (30 * USEC_PER_SEC)

enum batch_goal {
    GOAL_ANYWHERE, /* out, to wherever it goes best */
    GOAL_SWAP,     /* to the swap file, from memfd or cache */
    GOAL_DRAIN,    /* from the cache to the swap file; samples to the cache's young end */
    GOAL_SAMPLE,   /* out, into the cache in any case, marked as a sample */
    GOAL_RENEW,    /* from the cache to its young end */
    GOAL_BACK,     /* into the memfd */
    GOAL_COLD,     /* the same; a sample that was not touched */
};

struct moved {
    uint64_t page;
    struct page_place from, to;
    unsigned bytes; /* position of its bytes in the buffer, where they are written to the file */
    bool keep;      /* it stays where it was */
    bool failed;    /* ... because it could not be read or written */
};

struct batch;

/* One read or write of adjacent slots. */
struct request {
    struct batch *batch;
    unsigned first, n; /* its pages: positions in the buffer */
};

/* Claimed pages on their way, in ascending order. */
struct batch {
    bool used;
    enum batch_goal goal;
    unsigned n;
    struct moved moved[BATCH_PAGES];
    unsigned buffer;
    uint64_t events;          /* read when its pages had been protected: engine_events */
    unsigned at[BATCH_PAGES]; /* which page's bytes lie at a position of the buffer */
    unsigned requests_made, requests_left;
    struct request requests[BATCH_PAGES];
};

enum activity {
    ACTIVITY_NONE,
    ACTIVITY_EVICT,
    ACTIVITY_PARK,
    ACTIVITY_DRAIN,   /* the cache's oldest pages go to the swap file */
    ACTIVITY_COMPACT, /* the cache's oldest pages are stored anew */
    ACTIVITY_SAMPLE,
    ACTIVITY_BACK, /* everything does */
};

struct mover {
    struct engine *e;
    struct swapio *io;
    struct worker worker;

    struct batch batches[BATCHES];
    enum activity activity;
    char compressed[PAGE_BYTES];

    enum engine_task task; /* under way */
    uint64_t cursor;       /* of a pass over all pages */
    uint64_t moved_in_pass, failed_in_pass;
    bool detached;

    bool below;           /* eviction goes on until somewhat less than allowed is occupied */
    bool cache_full;      /* a page found no room since the cache was last drained */
    bool swap_full_said;  /* once until there is room again */
    usec_t stuck_until;   /* nothing can be put out: not tried before */
    usec_t write_after;   /* writes have failed: none before */
    usec_t backoff;       /* the next one */
    unsigned fruitless;   /* batches in a row of which nothing went out */
    usec_t sample_at;     /* the sampler wants to be asked */
    uint64_t cache_limit; /* as the cache knows it */
};

/* batch.c */
/* NULL: all are under way. */
struct batch *batch_new(struct mover *m);
/* Adds a page whose claim is held. */
void batch_add(struct batch *b, const struct engine *e, uint64_t page);
/* Where the bytes of position @i are. */
char *batch_bytes(struct mover *m, const struct batch *b, unsigned i);
/* Pages that are under way in batches with the goal to free memory. */
unsigned batch_pages_leaving(const struct mover *m);
bool batch_any(const struct mover *m);  /* is one under way? */
bool batch_free(const struct mover *m); /* has batch_new one? */
/* Run of adjacent pages that @fits from *first on, which moves to its begin: its length, 0: none.
 */
typedef bool (*moved_fn)(const struct moved *moved);
unsigned batch_run(const struct batch *b, unsigned *first, moved_fn fits);
/* Repeats @call while the address space is changing. 0 or -errno; -ESRCH is told. */
int batch_ioctl(struct engine *e, int (*call)(const struct uffd *, uint64_t, uint64_t),
                uint64_t page, unsigned n);
/* Queues one request for positions [first, first + n) of the buffer. */
void batch_request(struct mover *m, struct batch *b, bool write, unsigned first, unsigned n,
                   uint64_t slot);

/* evict.c. Begins with a filled batch; it ends by itself. */
void evict_begin(struct mover *m, struct batch *b);
void evict_written(struct mover *m, struct batch *b, const struct request *request, int result);
void evict_finish(struct mover *m, struct batch *b);

/* bringback.c. The same. */
void back_begin(struct mover *m, struct batch *b);
void back_read(struct mover *m, struct batch *b, const struct request *request, int result);
void back_finish(struct mover *m, struct batch *b);

/* fill.c. @b is empty; it may be so after this. */
void fill_batch(struct mover *m, struct batch *b, enum activity activity);
/* @pages are claimed; those that have left since they were looked at are given back. */
void fill_claimed(struct mover *m, struct batch *b, const uint64_t *pages, size_t n);
/* Those of @pages that are in the cache and can be claimed. */
void fill_compressed(struct mover *m, struct batch *b, uint64_t *pages, size_t n);

/* task.c */
void task_take(struct mover *m, enum engine_task task);
/* A pass over all pages has come to its end, and so have its batches. */
void task_pass_over(struct mover *m);

/* sampling.c */
void sampling_step(struct mover *m, usec_t now);

/* mover.c: bytes to be evicted beyond what is on its way out. */
uint64_t mover_to_evict(struct mover *m);

/* May pages be written to the swap file now? */
static inline bool mover_can_write(const struct mover *m, usec_t now)
{
    return now >= m->write_after && atomic_load(&pagemap_figures(&m->e->map)->slots) > 0;
}
