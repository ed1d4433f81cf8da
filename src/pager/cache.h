/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compression cache: a file in memory, of segments, into which pages are appended. It outlives
 * the pager. A record is {page, length, bytes}; it is alive while the page's entry in the map names
 * it. The bytes are there before the entry is, and a segment's memory is given back (hole punched)
 * when nothing in it is alive. The order of the segments' first use is in their headers.
 *
 * Thread-safe for different pages; who puts, gets or drops a page holds its claim (claims.h).
 * Memory for a segment is allocated before it is written, so a full tmpfs is -ENOSPC and never a
 * signal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pager/map.h"

/* A page is worth storing compressed if it gets at most this long. */
#define CACHE_LENGTH_MAX (PAGE_BYTES / 2)

struct cache;

/*
 * Opens or makes the file for the guest of @map, which outlives it, and which must be locked: what
 * it names in the file is alive, the rest is freed. The cache keeps figures.cache_*. 0 or -errno:
 * then nothing is lost, and it can be tried again.
 */
int cache_open(struct cache **ret, const char *path, struct pagemap *map, uint64_t limit);
void cache_close(struct cache *c);

/* Bytes of memory it may occupy; what is above it is for the caller to move out (cache_oldest). */
void cache_set_limit(struct cache *c, uint64_t limit);

/* Bytes of memory above the limit, 0: none. Samples do not count. */
uint64_t cache_excess(const struct cache *c);

/*
 * Compresses @bytes (a page) into @out; the length, at most CACHE_LENGTH_MAX and @capacity, or 0:
 * not worth it. Thread-safe and cheap on what can't be compressed: some pages are not tried.
 */
size_t cache_compress(const void *bytes, void *out, size_t capacity);

/* Why a page is put, and how far the limit binds it. */
enum cache_reason {
    CACHE_EVICTED, /* the limit binds */
    CACHE_SAMPLED, /* passes it, and the memory that samples take is not counted against it */
    CACHE_RENEWED, /* its page is in the cache already (compaction): passes it by little, for a
                      while */
};

/*
 * Stores @length bytes of @page (PAGE_BYTES: the page as it is) and sets *offset. 0, or -ENOSPC:
 * the limit is reached or the tmpfs is full. The map's entry is then for the caller to set; or, if
 * it does not come to that, the record to drop.
 */
int cache_put(struct cache *c, uint64_t page, const void *bytes, size_t length,
              enum cache_reason reason, uint64_t *offset);

/* The page's bytes, decompressed, into @page_bytes. 0, or -EBADMSG: the record is not what it
 * should be. */
int cache_get(struct cache *c, uint64_t page, struct page_place place, void *page_bytes);

/* The record is not needed any more (the map's entry has been changed, or never named it). What is
 * no record is ignored. */
void cache_drop(struct cache *c, uint64_t page, struct page_place place);

/*
 * Up to @max pages in the oldest segment that has any, by the map, when looked at. 0: the map names
 * nothing in the cache. Nothing is claimed.
 */
size_t cache_oldest(struct cache *c, uint64_t *pages, size_t max);

/*
 * Memory goes to records that are dead while others in their segment are alive. True: so much of it
 * that the pages of cache_oldest should be put anew (cache_put, map, cache_drop); or, where that
 * is -ENOSPC, moved to the swap file.
 */
bool cache_wants_compaction(const struct cache *c);
