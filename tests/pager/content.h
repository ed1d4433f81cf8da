/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents of pages that can be told again: a page says which it is, in which version, and the rest
 * of it follows from these. One in four is not compressible.
 */
#pragma once

#include <stdint.h>

#include "pager/cache.h"

void content_make(unsigned char *bytes, uint64_t page, uint64_t version);

/* The version of the contents; fails the test if they are not whole and @page's. */
uint64_t content_version(const unsigned char *bytes, uint64_t page);

/* Puts the page into the cache and sets the map. 0, or -errno of cache_put. */
int content_try_put(struct cache *cache, struct pagemap *map, uint64_t page, uint64_t version,
                    enum cache_reason reason);
void content_put(struct cache *cache, struct pagemap *map, uint64_t page, uint64_t version,
                 enum cache_reason reason);

/* If the map says that the page is in the cache, it is, and whole: returns its version; else 0. */
uint64_t content_check(struct cache *cache, const struct pagemap *map, uint64_t page);
