/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which slots (PAGE_BYTES each) of the swap file are taken. Not stored: the page map has it all,
 * and a pager that takes over marks what the map names. Runs are handed out next-fit, so that what
 * is evicted together lies together, is written in one go and can be read ahead. Thread-safe; a
 * mutex held for microseconds, never over I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct slots;

/* NULL: out of memory. */
struct slots *slots_new(uint64_t count);
void slots_free(struct slots *s);

/* Marks a slot as taken; false: it already was, or there is none. For takeover. */
bool slots_mark(struct slots *s, uint64_t slot);

/*
 * Takes a run of up to @wanted adjacent slots, the longest one that is cheap to find. Returns its
 * length, 0: none is free; *first is its first slot.
 */
uint64_t slots_take(struct slots *s, uint64_t wanted, uint64_t *first);
void slots_give(struct slots *s, uint64_t first, uint64_t n);
uint64_t slots_used(struct slots *s);
