/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages to evict: pages that sampling has shown cold first, then random ones (as ESX does: a
 * host-side LRU would choose what the guest's own LRU is about to choose). Only resident, unclaimed
 * pages; each is claimed on return. One that left between the look and the claim may be among them:
 * with the claim in hand the caller looks at the entry again, and gives back what is not resident
 * (claims_give, and its marks are seen to). Not thread-safe: it is the mover's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pager/claims.h"
#include "pager/map.h"

struct victims;

/* Looks through the map once for pages that are known cold. NULL: out of memory. */
struct victims *victims_new(struct pagemap *map, struct claims *claims, uint64_t seed);
void victims_free(struct victims *v);

/* @page has been made resident and cold (its entry says so): a hint where to look first. */
void victims_cold(struct victims *v, uint64_t page);

/* Up to @max victims, claimed, in ascending order. 0: there are none. */
size_t victims_choose(struct victims *v, uint64_t *pages, size_t max);

/* Random resident pages for sampling, claimed, in ascending order: each resident page is equally
 * likely, and is there at most once. */
size_t victims_sample(struct victims *v, uint64_t *pages, size_t max);
