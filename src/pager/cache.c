/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records are appended to one segment, the open one, until the next does not fit; then to a new
 * one. A record never moves. Each segment counts the bytes of its records that are alive; at 0 it
 * is retired and its memory punched. What frees half-dead segments is that the pages of the oldest
 * one are put anew, or moved to the swap file, by the mover.
 *
 * Killed at any instant: a record is complete when cache_put returns, and named by the map after
 * that; a segment is punched when the map names nothing in it. So what the map names is there. A
 * record that was being appended is the last of its segment, and after a takeover a new segment is
 * opened. Which records are alive is counted anew from the map.
 *
 * The mutex is held while a record is appended (a memory copy) or a count is changed, and not over
 * a system call. A record that is read can't go, as the reader holds the page's claim; a segment
 * that is walked through (cache_oldest) counts the walker as one more record.
 */
#include "pager/cache.h"

#include <assert.h>
#include <errno.h>
#include <lz4.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pager/record.h"
#include "pager/segments.h"

#define RECORDS_START sizeof(struct segment_header)

/* Dead memory that is not worth moving anything for. */
#define SLACK_BYTES (8 * SEGMENT_BYTES)

struct cache {
    struct pagemap *map;
    struct segments segments;
    pthread_mutex_t mutex;
    uint32_t open;   /* the segment that is appended to, or SEGMENT_NONE */
    uint32_t filled; /* bytes of it */
    /* Changed under the mutex, read without. */
    _Atomic uint64_t limit;
    _Atomic uint64_t used;    /* bytes of segments in use or about to be */
    _Atomic uint64_t live;    /* bytes of records that are alive, headers included */
    _Atomic uint64_t samples; /* of these, of samples */
    _Atomic uint64_t payload; /* bytes of pages in them */
};

static struct record *record_at(const struct cache *c, uint32_t segment, uint64_t at)
{
    return (struct record *)(segment_memory(&c->segments, segment) + at);
}

/* The record that @place of @page names, or NULL where there is none such. Under the mutex. */
static struct record *record_of(const struct cache *c, uint64_t page, struct page_place place)
{
    uint64_t segment = place.location / SEGMENT_BYTES, at = place.location % SEGMENT_BYTES;
    struct record *record;

    if (place.state != PAGE_COMPRESSED || place.length == 0 ||
        (place.length > CACHE_LENGTH_MAX && place.length != PAGE_BYTES) ||
        segment >= c->segments.count || !c->segments.table[segment].used || at < RECORDS_START ||
        at % RECORD_ALIGN != 0 || at + record_bytes(place.length) > SEGMENT_BYTES)
        return NULL;
    record = record_at(c, (uint32_t)segment, at);
    return record->page == page && record->length == place.length ? record : NULL;
}

static void show_figures(struct cache *c)
{
    struct pagemap_figures *f = pagemap_figures(c->map);

    atomic_store(&f->cache_bytes, atomic_load(&c->used));
    atomic_store(&f->cache_payload, atomic_load(&c->payload));
}

static uint32_t segment_of(const struct cache *c, const struct record *record)
{
    return (uint32_t)((uint64_t)((const char *)record - c->segments.memory) / SEGMENT_BYTES);
}

static void change(_Atomic uint64_t *sum, uint64_t by, bool up)
{
    if (up)
        atomic_fetch_add(sum, by);
    else
        atomic_fetch_sub(sum, by);
}

/* The record is alive from now on, or not any more. */
static void account(struct cache *c, const struct record *record, bool alive)
{
    struct segment *segment = &c->segments.table[segment_of(c, record)];
    uint32_t bytes = record_bytes(record->length);

    segment->live = alive ? segment->live + bytes : segment->live - bytes;
    change(&c->live, bytes, alive);
    change(&c->payload, record->length, alive);
    if (record->flags & RECORD_SAMPLE)
        change(&c->samples, bytes, alive);
}

/* Counts @page's record as alive, if what the map says of it is true. */
static int adopt(struct cache *c, uint64_t page)
{
    struct page_place place = pagemap_get(c->map, page);
    uint64_t segment = place.location / SEGMENT_BYTES;
    struct record *record;
    bool adopted;

    if (place.state != PAGE_COMPRESSED || segment >= c->segments.count)
        return 0;
    if (!c->segments.table[segment].used) {
        int r = segments_adopt(&c->segments, (uint32_t)segment, &adopted);

        if (r < 0 || !adopted)
            return r;
    }
    record = record_of(c, page, place);
    if (record) {
        record->flags &= (uint16_t)~RECORD_DROPPED;
        account(c, record, true);
    }
    return 0;
}

int cache_open(struct cache **ret, const char *path, struct pagemap *map, uint64_t limit)
{
    /* Twice the guest: all of it stored as it is, and half-dead segments beside that. */
    uint64_t bytes = 2 * map->pages * PAGE_BYTES + SLACK_BYTES;
    struct cache *c = calloc(1, sizeof(*c));
    int r;

    if (!c || pthread_mutex_init(&c->mutex, NULL) != 0) {
        free(c);
        return -ENOMEM;
    }
    c->map = map;
    c->open = SEGMENT_NONE;
    r = segments_open(&c->segments, path, bytes);
    for (uint64_t page = 0; r == 0 && page < map->pages; page++)
        r = adopt(c, page);
    if (r == 0)
        r = segments_settle(&c->segments);
    if (r < 0) {
        cache_close(c);
        return r;
    }
    atomic_store(&c->used, (uint64_t)r * SEGMENT_BYTES);
    cache_set_limit(c, limit);
    show_figures(c);
    *ret = c;
    return 0;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    segments_close(&c->segments);
    (void)pthread_mutex_destroy(&c->mutex);
    free(c);
}

void cache_set_limit(struct cache *c, uint64_t limit)
{
    atomic_store(&c->limit, limit);
    atomic_store(&pagemap_figures(c->map)->cache_limit, limit);
}

/* What may be used: the limit, and room for samples and for what dies between them. */
static uint64_t ceiling(const struct cache *c)
{
    uint64_t limit = atomic_load(&c->limit), samples = atomic_load(&c->samples);
    uint64_t extra = samples > 0 ? 2 * samples + SLACK_BYTES : 0;

    return limit < UINT64_MAX - extra ? limit + extra : UINT64_MAX;
}

/* May @used bytes be used for a page that is put for @reason? */
static bool allows(const struct cache *c, enum cache_reason reason, uint64_t used)
{
    return reason == CACHE_SAMPLED ||
           u64_sub(used, ceiling(c)) <= (reason == CACHE_RENEWED ? SLACK_BYTES : 0);
}

uint64_t cache_excess(const struct cache *c)
{
    return u64_sub(atomic_load(&c->used), ceiling(c));
}

bool cache_wants_compaction(const struct cache *c)
{
    return atomic_load(&c->used) > 2 * atomic_load(&c->live) + SLACK_BYTES;
}

/* Retires the segment if nothing in it is alive and nothing will be: then it is for the caller to
 * dispose of it without the mutex. Else SEGMENT_NONE. */
static uint32_t retire_dead(struct cache *c, uint32_t i)
{
    if (i == SEGMENT_NONE || i == c->open || c->segments.table[i].live > 0)
        return SEGMENT_NONE;
    segments_retire(&c->segments, i);
    return i;
}

/* Gives back the memory of a segment that was retired. Not under the mutex. */
static void dispose(struct cache *c, uint32_t i)
{
    if (i == SEGMENT_NONE)
        return;
    segments_punch(&c->segments, i);
    (void)pthread_mutex_lock(&c->mutex);
    segments_return(&c->segments, i);
    atomic_fetch_sub(&c->used, SEGMENT_BYTES);
    show_figures(c);
    (void)pthread_mutex_unlock(&c->mutex);
}

/* Appends to another segment from now on (SEGMENT_NONE: to none). Returns the last one if it is to
 * be disposed of. */
static uint32_t open_segment(struct cache *c, uint32_t i)
{
    uint32_t last = c->open;

    if (i != SEGMENT_NONE)
        segments_use(&c->segments, i);
    c->open = i;
    c->filled = RECORDS_START;
    return retire_dead(c, last);
}

/*
 * Sees to it that a record of @bytes fits into the open segment. Releases the mutex while it
 * allocates one. *dead: a segment to be disposed of. 0 or -errno.
 */
static int make_room(struct cache *c, uint32_t bytes, enum cache_reason reason, uint32_t *dead)
{
    bool fits = c->open != SEGMENT_NONE && c->filled + bytes <= SEGMENT_BYTES;
    uint64_t used = atomic_load(&c->used) + (fits ? 0 : SEGMENT_BYTES);
    uint32_t i;
    int r;

    if (!allows(c, reason, used))
        return -ENOSPC;
    if (fits)
        return 0;
    i = segments_reserve(&c->segments);
    if (i == SEGMENT_NONE)
        return -ENOSPC;
    atomic_fetch_add(&c->used, SEGMENT_BYTES);
    (void)pthread_mutex_unlock(&c->mutex);
    r = segments_allocate(&c->segments, i);
    (void)pthread_mutex_lock(&c->mutex);
    if (r < 0) {
        segments_return(&c->segments, i);
        atomic_fetch_sub(&c->used, SEGMENT_BYTES);
        return r;
    }
    *dead = open_segment(c, i);
    return 0;
}

/* Returns the record's offset in the file. */
static uint64_t append(struct cache *c, uint64_t page, const void *bytes, size_t length,
                       uint16_t flags)
{
    struct record *record = record_at(c, c->open, c->filled);

    memcpy(record->bytes, bytes, length);
    record->check = record_check(bytes, length);
    record->page = page;
    record->flags = flags;
    record->length = (uint16_t)length;
    account(c, record, true);
    c->filled += record_bytes(length);
    return (uint64_t)((char *)record - c->segments.memory);
}

int cache_put(struct cache *c, uint64_t page, const void *bytes, size_t length,
              enum cache_reason reason, uint64_t *offset)
{
    uint32_t dead = SEGMENT_NONE;
    int r;

    assert(length > 0 && (length <= CACHE_LENGTH_MAX || length == PAGE_BYTES));
    (void)pthread_mutex_lock(&c->mutex);
    r = make_room(c, record_bytes(length), reason, &dead);
    if (r == 0) {
        *offset = append(c, page, bytes, length, reason == CACHE_SAMPLED ? RECORD_SAMPLE : 0);
        show_figures(c);
    }
    (void)pthread_mutex_unlock(&c->mutex);
    dispose(c, dead);
    return r;
}

int cache_get(struct cache *c, uint64_t page, struct page_place place, void *page_bytes)
{
    const struct record *record;

    (void)pthread_mutex_lock(&c->mutex);
    record = record_of(c, page, place);
    (void)pthread_mutex_unlock(&c->mutex);
    if (!record || record->check != record_check(record->bytes, place.length))
        return -EBADMSG;
    if (place.length == PAGE_BYTES)
        memcpy(page_bytes, record->bytes, PAGE_BYTES);
    else if (LZ4_decompress_safe((const char *)record->bytes, page_bytes, (int)place.length,
                                 PAGE_BYTES) != PAGE_BYTES)
        return -EBADMSG;
    return 0;
}

void cache_drop(struct cache *c, uint64_t page, struct page_place place)
{
    uint32_t dead = SEGMENT_NONE;
    struct record *record;

    (void)pthread_mutex_lock(&c->mutex);
    record = record_of(c, page, place);
    if (record && !(record->flags & RECORD_DROPPED)) {
        record->flags |= RECORD_DROPPED;
        account(c, record, false);
        dead = retire_dead(c, segment_of(c, record));
        show_figures(c);
    }
    (void)pthread_mutex_unlock(&c->mutex);
    dispose(c, dead);
}

/* Is it this record that the map names for its page? */
static bool named(const struct cache *c, const struct record *record)
{
    struct page_place place;

    if (record->page >= c->map->pages)
        return false;
    place = pagemap_get(c->map, record->page);
    return place.state == PAGE_COMPRESSED &&
           place.location == (uint64_t)((const char *)record - c->segments.memory);
}

/* Pages in a segment that is not appended to and can't go. */
static size_t pages_in(const struct cache *c, uint32_t segment, uint64_t *pages, size_t max)
{
    uint64_t at = RECORDS_START;
    size_t n = 0;

    while (n < max && at + sizeof(struct record) < SEGMENT_BYTES) {
        const struct record *record = record_at(c, segment, at);

        if (record->length == 0 || at + record_bytes(record->length) > SEGMENT_BYTES)
            break;
        if (named(c, record))
            pages[n++] = record->page;
        at += record_bytes(record->length);
    }
    return n;
}

/*
 * The oldest segment in use that came after *sequence, held by one more byte that is alive, and not
 * appended to any more; SEGMENT_NONE if there is none.
 */
static uint32_t hold_next(struct cache *c, uint64_t *sequence)
{
    uint32_t i, dead = SEGMENT_NONE;

    (void)pthread_mutex_lock(&c->mutex);
    i = c->segments.oldest;
    while (i != SEGMENT_NONE && c->segments.table[i].sequence <= *sequence)
        i = c->segments.table[i].next;
    if (i != SEGMENT_NONE && i == c->open) {
        dead = open_segment(c, SEGMENT_NONE);
        if (dead != SEGMENT_NONE)
            i = SEGMENT_NONE; /* the open one is the newest: nothing comes after it */
    }
    if (i != SEGMENT_NONE) {
        c->segments.table[i].live++;
        *sequence = c->segments.table[i].sequence;
    }
    (void)pthread_mutex_unlock(&c->mutex);
    dispose(c, dead);
    return i;
}

static void unhold(struct cache *c, uint32_t i)
{
    uint32_t dead;

    (void)pthread_mutex_lock(&c->mutex);
    c->segments.table[i].live--;
    dead = retire_dead(c, i);
    (void)pthread_mutex_unlock(&c->mutex);
    dispose(c, dead);
}

size_t cache_oldest(struct cache *c, uint64_t *pages, size_t max)
{
    uint64_t sequence = 0;
    size_t n = 0;

    while (n == 0) {
        uint32_t i = hold_next(c, &sequence);

        if (i == SEGMENT_NONE)
            break;
        n = pages_in(c, i, pages, max);
        unhold(c, i);
    }
    return n;
}
