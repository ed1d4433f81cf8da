/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latencies in buckets of a fixed relative width: eight to each power of two, so that a percentile
 * is at most 1/8 too high. Lives in memory that the worker writes and the reporter empties.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB     8  /* buckets for each power of two */
#define HISTOGRAM_BITS    40 /* longest: 2^40 ns, 18 minutes; what is longer counts as that */
#define HISTOGRAM_BUCKETS (HISTOGRAM_BITS * HISTOGRAM_SUB)

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
    _Atomic uint64_t max_nsec;
};

struct latencies {
    double p50_usec, p99_usec, max_usec;
};

void histogram_add(struct histogram *h, uint64_t nsec);

/* Takes what was counted since the last time. All 0 where that is nothing. */
struct latencies histogram_take(struct histogram *h);
