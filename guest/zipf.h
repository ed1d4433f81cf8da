/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers below a bound: rank r (from 1) with a probability proportional to r^-skew. Skew 0
 * is uniform. Ranks are scattered over the range, so that hot pages are no neighbours.
 */
#pragma once

#include <stdint.h>

#define ZIPF_STEPS_MAX 512

struct zipf {
    uint64_t count;
    unsigned steps;                     /* ranges of ranks with about the same probability */
    uint64_t first[ZIPF_STEPS_MAX + 1]; /* first rank of each, from 0; then count */
    uint64_t below[ZIPF_STEPS_MAX];     /* a random number below this: in this range or before */
};

/* 1 <= @count <= 2^31, 0 <= @skew <= ZIPF_SKEW_MAX. */
#define ZIPF_SKEW_MAX 8.0
void zipf_init(struct zipf *z, uint64_t count, double skew);

/* In 0 ... count-1. @random: two random numbers of 64 bits. */
uint64_t zipf_pick(const struct zipf *z, const uint64_t random[2]);
