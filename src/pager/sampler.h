/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistical sampling (Waldspurger 2002, section 5.3): n random resident pages per window are
 * moved out, and when each is first touched says how much of memory is in use: the part touched
 * within a window estimates the active part, and the times of first touch the working set of every
 * window length.
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

/* Samples whose fate is followed; the oldest are given up beyond it. */
#define SAMPLES_MAX 65536

struct sampler;

/* Results go into @figures. */
struct sampler *sampler_new(struct pagemap_figures *figures);
void sampler_free(struct sampler *s);

/* @n pages (0: none) in each window of @window usec. */
void sampler_configure(struct sampler *s, unsigned n, usec_t window, usec_t now);

/* How many pages are to be sampled now (0: none), and when to ask again. Ends the window that is
 * over. */
unsigned sampler_due(struct sampler *s, usec_t now, usec_t *ask_again);

/* The page was moved out / was touched for the first time since / left otherwise (discarded,
 * unparked). */
void sampler_added(struct sampler *s, uint64_t page, usec_t now);
void sampler_touched(struct sampler *s, uint64_t page, usec_t now);
void sampler_lost(struct sampler *s, uint64_t page);

/*
 * Up to @max pages that were not touched for the longest window: they are to be brought back and
 * marked cold.
 */
size_t sampler_retired(struct sampler *s, uint64_t *pages, size_t max, usec_t now);
