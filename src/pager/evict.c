/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of pages goes out: the steps of engine.h, each for the whole batch before the next one
 * begins, adjacent pages in one call. Pages of the cache go the same way, without what concerns the
 * memfd: they are out already.
 *
 * Between evict_begin and evict_finish the writes are under way and other batches are prepared. A
 * page that somebody wants meanwhile is not put out (its writer waits for the rest of the write, a
 * millisecond or two); one whose write failed stays where it was, and its slot is given back: what
 * lies in it does not matter, for no entry names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/mover_impl.h"

/* Batches of which nothing found a place, until it is given up for a while. */
#define FRUITLESS_MAX 4
#define STUCK_USEC    USEC_PER_SEC

static bool from_memfd(const struct moved *moved)
{
    return !moved->keep && moved->from.state == PAGE_RESIDENT;
}

static bool stays_in_memfd(const struct moved *moved)
{
    return moved->keep && moved->from.state == PAGE_RESIDENT;
}

/* Step 1. */
static void protect(struct mover *m, struct batch *b)
{
    struct engine *e = m->e;

    for (unsigned i = 0, n; (n = batch_run(b, &i, from_memfd)) > 0; i += n) {
        if (batch_ioctl(e, uffd_protect, b->moved[i].page, n) == 0)
            continue;
        for (unsigned k = i; k < i + n; k++)
            b->moved[k].keep = b->moved[k].failed = true;
    }
    b->events = engine_events(e);
}

/* Step 2. */
static void read_memfd(struct mover *m, struct batch *b)
{
    for (unsigned i = 0, n; (n = batch_run(b, &i, from_memfd)) > 0; i += n) {
        ssize_t got = pread(m->e->memfd, batch_bytes(m, b, i), n * PAGE_BYTES,
                            (off_t)(b->moved[i].page * PAGE_BYTES));
        unsigned whole = got > 0 ? (unsigned)((size_t)got / PAGE_BYTES) : 0;

        for (unsigned k = i + whole; k < i + n; k++)
            b->moved[k].keep = b->moved[k].failed = true;
    }
}

static void read_cache(struct mover *m, struct batch *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        struct moved *moved = &b->moved[i];

        if (moved->keep || moved->from.state != PAGE_COMPRESSED)
            continue;
        if (cache_get(m->e->cache, moved->page, moved->from, batch_bytes(m, b, i)) < 0)
            moved->keep = moved->failed = true;
    }
}

static bool all_zero(const char *bytes)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, PAGE_BYTES - 1) == 0;
}

/* Does it go into the cache? */
static bool put_in_cache(struct mover *m, const struct batch *b, struct moved *moved,
                         const char *bytes)
{
    bool sample = b->goal == GOAL_SAMPLE || moved->from.sampled;
    enum cache_reason reason = sample                  ? CACHE_SAMPLED
                               : b->goal == GOAL_RENEW ? CACHE_RENEWED
                                                       : CACHE_EVICTED;
    size_t length = cache_compress(bytes, m->compressed, CACHE_LENGTH_MAX);
    uint64_t offset;
    int r;

    if (length == 0 && reason == CACHE_EVICTED)
        return false;
    if (length == 0)
        r = cache_put(m->e->cache, moved->page, bytes, length = PAGE_BYTES, reason, &offset);
    else
        r = cache_put(m->e->cache, moved->page, m->compressed, length, reason, &offset);
    if (r < 0) {
        m->cache_full = true;
        return false;
    }
    moved->to = (struct page_place){.state = PAGE_COMPRESSED,
                                    .sampled = sample,
                                    .length = (unsigned)length,
                                    .location = offset};
    return true;
}

static bool may_be_cached(const struct batch *b, const struct moved *moved)
{
    return b->goal != GOAL_SWAP && (b->goal != GOAL_DRAIN || moved->from.sampled);
}

/* Step 3, as far as it is done at once. What is to be written is moved together in the buffer;
 * returns how much. */
static unsigned store(struct mover *m, struct batch *b)
{
    unsigned to_write = 0;

    for (unsigned i = 0; i < b->n; i++) {
        struct moved *moved = &b->moved[i];
        char *bytes = batch_bytes(m, b, i);

        if (!moved->keep && claims_peek(m->e->claims, moved->page))
            moved->keep = true;
        if (moved->keep)
            continue;
        if (all_zero(bytes)) {
            moved->to = (struct page_place){.state = PAGE_ZERO, .sampled = b->goal == GOAL_SAMPLE};
        } else if (!may_be_cached(b, moved) || !put_in_cache(m, b, moved, bytes)) {
            if (b->goal == GOAL_SAMPLE || b->goal == GOAL_RENEW) {
                moved->keep = true;
                continue;
            }
            if (to_write < i)
                memcpy(batch_bytes(m, b, to_write), bytes, PAGE_BYTES);
            moved->bytes = to_write;
            b->at[to_write++] = i;
        }
    }
    return to_write;
}

static void no_room(struct mover *m)
{
    if (m->swap_full_said || atomic_load(&pagemap_figures(&m->e->map)->slots) == 0)
        return;
    m->swap_full_said = true;
    log_warning("guest %s: its swap file is full; what is left in memory stays there",
                m->e->map.header->identity.name);
    engine_say(m->e, PAGER_SAYS_FAILED, PAGER_ALLOW, "the swap file is full");
}

/* Nothing is written for a while, longer each time. Said once. */
static void stop_writing(struct mover *m, const char *why)
{
    count(&pagemap_figures(&m->e->map)->io_errors, 1);
    if (engine_now() < m->write_after)
        return; /* of the same trouble */
    if (m->backoff == 0)
        log_warning("guest %s: writing to %s: %s; its pages stay in memory",
                    m->e->map.header->identity.name, m->e->swap_path, why);
    m->backoff = u64_clamp(m->backoff * 2, WRITE_BACKOFF_MIN, WRITE_BACKOFF_MAX);
    m->write_after = engine_now() + m->backoff;
}

/* A file that somebody has cut must not be made longer again: what is missing in it would read as
 * zeros, and not fail. */
static void check_length(struct mover *m)
{
    uint64_t slots = atomic_load(&pagemap_figures(&m->e->map)->slots);
    struct stat st;

    if (fstat(m->e->swap_fd, &st) < 0 || (uint64_t)st.st_size < slots * PAGE_BYTES)
        stop_writing(m, "the file is shorter than it was made");
}

static void write_slots(struct mover *m, struct batch *b, unsigned n)
{
    unsigned position = 0;

    if (n > 0 && mover_can_write(m, engine_now()))
        check_length(m);
    while (position < n && mover_can_write(m, engine_now())) {
        uint64_t slot, got = slots_take(m->e->slots, n - position, &slot);

        if (got == 0) {
            no_room(m);
            break;
        }
        for (unsigned k = 0; k < got; k++)
            b->moved[b->at[position + k]].to =
                (struct page_place){.state = PAGE_SWAPPED, .location = slot + k};
        batch_request(m, b, true, position, (unsigned)got, slot);
        position += (unsigned)got;
    }
    for (; position < n; position++)
        b->moved[b->at[position]].keep = b->moved[b->at[position]].failed = true;
}

void evict_begin(struct mover *m, struct batch *b)
{
    protect(m, b);
    read_memfd(m, b);
    read_cache(m, b);
    write_slots(m, b, store(m, b));
    if (b->requests_left == 0)
        evict_finish(m, b);
}

void evict_written(struct mover *m, struct batch *b, const struct request *request, int result)
{
    struct pagemap_figures *figures = pagemap_figures(&m->e->map);

    if (result >= 0) {
        count(&figures->bytes_written, (uint64_t)result);
        m->backoff = 0;
        return;
    }
    for (unsigned i = request->first; i < request->first + request->n; i++)
        b->moved[b->at[i]].keep = b->moved[b->at[i]].failed = true;
    stop_writing(m, strerror(-result));
}

/* Steps 4 and 5 of one page. */
static void commit(struct mover *m, const struct batch *b, struct moved *moved, bool may)
{
    struct engine *e = m->e;
    struct pagemap_figures *figures = pagemap_figures(&e->map);
    unsigned marks = claims_peek(e->claims, moved->page);

    if (marks & MARK_WANTED && moved->from.state == PAGE_RESIDENT)
        count(&figures->eviction_races, 1);
    if (marks || moved->keep || !may) {
        if (moved->to.state != PAGE_ABSENT) /* it has a place */
            engine_free_stored(e, moved->page, moved->to);
        moved->keep = true;
        return;
    }
    pagemap_set(&e->map, moved->page, moved->to);
    if (moved->from.state == PAGE_RESIDENT)
        count(&figures->evicted[moved->to.state], 1);
    if (b->goal == GOAL_SAMPLE)
        sampler_added(e->sampler, moved->page, engine_now());
    else if (moved->from.sampled && !moved->to.sampled)
        sampler_lost(e->sampler, moved->page, engine_now());
}

/* The kernel has not given up the page's memory, but may have zeroed it: it gets its contents
 * again, and has never left. */
static void put_back(struct mover *m, const struct batch *b, struct moved *moved)
{
    struct engine *e = m->e;
    char *bytes = m->compressed;

    if (moved->to.state == PAGE_SWAPPED)
        bytes = batch_bytes(m, b, moved->bytes);
    else if (moved->to.state == PAGE_ZERO)
        (void)memset(bytes, 0, PAGE_BYTES);
    else if (cache_get(e->cache, moved->page, moved->to, bytes) < 0)
        return; /* never: it has just been put, and nobody else may drop it */
    if (pwrite(e->memfd, bytes, PAGE_BYTES, (off_t)(moved->page * PAGE_BYTES)) !=
        (ssize_t)PAGE_BYTES)
        return; /* never: its memory is there */
    pagemap_set(&e->map, moved->page, moved->from);
    engine_free_stored(e, moved->page, moved->to);
    if (moved->to.sampled)
        sampler_lost(e->sampler, moved->page, engine_now());
    moved->keep = moved->failed = true;
    if (!atomic_exchange(&e->evicting, false))
        return;
    log_error("guest %s: the kernel does not give up the memory at %#" PRIx64
              " of its RAM (huge pages?); nothing more is evicted",
              e->map.header->identity.name, moved->page * PAGE_BYTES);
}

/* Step 6, for @n adjacent pages from position @i on. */
static void punch(struct mover *m, struct batch *b, unsigned i, unsigned n)
{
    struct engine *e = m->e;
    uint64_t first = b->moved[i].page, end = first + n, page;

    (void)fallocate(e->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    (off_t)(first * PAGE_BYTES), (off_t)(n * PAGE_BYTES));
    for (page = first; (page = engine_next_data(e, page, end)) < end; page++)
        put_back(m, b, &b->moved[i + page - first]);
}

/*
 * What could not find a place in a row of batches is not tried at once again. Nor is the cache's
 * upkeep, where that led to nothing. @went: pages that take less memory now.
 */
static void judge(struct mover *m, const struct batch *b, unsigned went, unsigned failed)
{
    bool upkeep = b->goal == GOAL_DRAIN || b->goal == GOAL_RENEW;

    if (b->goal == GOAL_SAMPLE)
        return;
    m->moved_in_pass += went;
    m->failed_in_pass += failed;
    if (went > 0)
        m->fruitless = 0;
    else if ((upkeep || failed > 0) && ++m->fruitless >= FRUITLESS_MAX) {
        m->fruitless = 0;
        m->stuck_until = engine_now() + STUCK_USEC;
    }
    if (went > 0 && failed == 0)
        m->swap_full_said = false;
}

/* A sample that is stored anew to get out of the way is no gain. */
static bool gained(const struct batch *b, const struct moved *moved)
{
    return !moved->keep && (b->goal != GOAL_DRAIN || moved->to.state != PAGE_COMPRESSED);
}

void evict_finish(struct mover *m, struct batch *b)
{
    bool may = engine_through(m->e, b->events);
    unsigned went = 0, failed = 0;

    for (unsigned i = 0; i < b->n; i++)
        commit(m, b, &b->moved[i], may);
    for (unsigned i = 0, n; (n = batch_run(b, &i, from_memfd)) > 0; i += n)
        punch(m, b, i, n);
    for (unsigned i = 0; i < b->n; i++) {
        went += gained(b, &b->moved[i]);
        failed += b->moved[i].failed;
    }
    for (unsigned i = 0, n; (n = batch_run(b, &i, stays_in_memfd)) > 0; i += n)
        (void)batch_ioctl(m->e, uffd_unprotect, b->moved[i].page, n);
    for (unsigned i = 0; i < b->n; i++) {
        if (!b->moved[i].keep && b->moved[i].from.state == PAGE_COMPRESSED)
            cache_drop(m->e->cache, b->moved[i].page, b->moved[i].from);
        engine_give(m->e, b->moved[i].page);
    }
    judge(m, b, went, failed);
    b->used = false;
}
