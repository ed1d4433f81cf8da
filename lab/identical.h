/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the guests' memory is the same, and what of that is merged, by reading all of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "scenario/seen.h"

struct identical;

struct identical *identical_new(void);
void identical_free(struct identical *all);

/* Reads what is in memory of the mapping of @size bytes that is the RAM of @pid (nothing is brought
 * in for it): about a second per GiB. */
void identical_add(struct identical *all, pid_t pid, uint64_t size);

struct identical_bytes identical_count(struct identical *all);
