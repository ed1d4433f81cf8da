/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistical sampling (Waldspurger 2002, section 5.3): n random resident pages per window are
 * moved out, and when each is first touched says how much of memory is in use: the part touched
 * within a window estimates the active part, and the times of first touch the working set of every
 * window length. sampler.c has the estimators.
 *
 * Pure as far as it can be: time is handed in, the pages are moved by who calls. Thread-safe: the
 * thread that evicts adds samples, the thread that serves faults tells of touches; a mutex held for
 * nanoseconds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pager/map.h"

/* Samples whose fate is followed; the oldest are given up (retired early) beyond it. */
#define SAMPLES_MAX 65536

struct sampler;

/* Results go into @figures, which outlives it. Nothing is sampled until it is configured. NULL: out
 * of memory. */
struct sampler *sampler_new(struct pagemap_figures *figures);
void sampler_free(struct sampler *s);

/* @n pages (0: none) in each window of @window usec. Ends the window under way without a result. */
void sampler_configure(struct sampler *s, unsigned n, usec_t window, usec_t now);

/*
 * Ends the window that is over. Returns how many random resident pages (PAGE_RESIDENT, whatever
 * their history) are to be moved out now, at once (0: none), and when to ask again (USEC_NEVER:
 * when configured). What can't be moved is just not added.
 */
unsigned sampler_due(struct sampler *s, usec_t now, usec_t *ask_again);

/*
 * The page was moved out / was touched for the first time since / left otherwise (discarded,
 * evicted further, brought back untouched by unpark or read-ahead). Of a page that is no sample the
 * latter two take no notice: they may be told of every fault.
 */
void sampler_added(struct sampler *s, uint64_t page, usec_t now);
void sampler_touched(struct sampler *s, uint64_t page, usec_t now);
void sampler_lost(struct sampler *s, uint64_t page, usec_t now);

/*
 * Up to @max pages that were not touched for the longest window, or are given up: followed no
 * more, they are to be brought back and marked cold. To be asked after each sampler_due until it is
 * 0, before new samples are chosen.
 */
size_t sampler_retired(struct sampler *s, uint64_t *pages, size_t max, usec_t now);
