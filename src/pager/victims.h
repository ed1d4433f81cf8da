/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages to evict: pages that sampling has shown cold first, then random ones (as ESX does: a
 * host-side LRU would choose what the guest's own LRU is about to choose). Only resident, unclaimed
 * pages; each is claimed on return.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pager/claims.h"
#include "pager/map.h"

struct victims;

struct victims *victims_new(struct pagemap *map, struct claims *claims, uint64_t seed);
void victims_free(struct victims *v);

/* Up to @max victims, claimed, in ascending order. 0: there are none. */
size_t victims_choose(struct victims *v, uint64_t *pages, size_t max);

/* The same in order, from *cursor on, for parking; *cursor moves on. 0: the end is reached. */
size_t victims_next(struct victims *v, uint64_t *cursor, uint64_t *pages, size_t max);

/* Random resident pages for sampling, claimed, each at most once in one call. */
size_t victims_sample(struct victims *v, uint64_t *pages, size_t max);
