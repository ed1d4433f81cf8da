/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/histogram.h"

#include <stdatomic.h>

#define SUB_BITS 3

_Static_assert(1 << SUB_BITS == HISTOGRAM_SUB, "buckets for each power of two");

/* 0-7 have a bucket each; from there on the three bits below the highest one choose it. */
static unsigned bucket_of(uint64_t nsec)
{
    unsigned high;

    if (nsec >> HISTOGRAM_BITS)
        return HISTOGRAM_BUCKETS - 1;
    if (nsec < HISTOGRAM_SUB)
        return (unsigned)nsec;
    high = 63 - (unsigned)__builtin_clzll(nsec);
    return (high - SUB_BITS + 1) * HISTOGRAM_SUB +
           (unsigned)((nsec >> (high - SUB_BITS)) & (HISTOGRAM_SUB - 1));
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    unsigned shift;

    if (bucket < HISTOGRAM_SUB)
        return bucket;
    shift = bucket / HISTOGRAM_SUB - 1;
    return (((uint64_t)HISTOGRAM_SUB + bucket % HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t nsec)
{
    (void)atomic_fetch_add_explicit(&h->counts[bucket_of(nsec)], 1, memory_order_relaxed);
    if (nsec > atomic_load_explicit(&h->max_nsec, memory_order_relaxed))
        atomic_store_explicit(&h->max_nsec, nsec, memory_order_relaxed);
}

/* No more than @max: the bucket's end may lie beyond what was seen. */
static double percentile(const uint64_t *counts, uint64_t total, unsigned percent, uint64_t max)
{
    uint64_t wanted = (total * percent + 99) / 100, seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += counts[i];
        if (seen >= wanted && seen)
            return (double)(bucket_end(i) < max ? bucket_end(i) : max) / 1e3;
    }
    return 0;
}

struct latencies histogram_take(struct histogram *h)
{
    uint64_t counts[HISTOGRAM_BUCKETS], total = 0;
    uint64_t max = atomic_exchange_explicit(&h->max_nsec, 0, memory_order_relaxed);

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        counts[i] = atomic_exchange_explicit(&h->counts[i], 0, memory_order_relaxed);
        total += counts[i];
    }
    return (struct latencies){
        .p50_usec = percentile(counts, total, 50, max),
        .p99_usec = percentile(counts, total, 99, max),
        .max_usec = (double)max / 1e3,
    };
}
