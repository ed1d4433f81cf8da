/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The samples that are being followed: found by page, and kept in the order in which they were
 * added. Not thread-safe; the sampler's mutex guards it. The memory follows the number of samples.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/units.h"

struct sample {
    uint64_t page;
    usec_t added;
    uint64_t window; /* number of the window it belongs to, from 1 on; 0: none */
    uint64_t cohort; /* the same of the cohort */
    uint32_t older, newer;
};

struct samples {
    struct sample *slots;
    uint32_t *buckets; /* slot + 1, 0: empty; linear probing, at most half full */
    uint32_t capacity; /* of slots, a power of two or 0; buckets has twice as many */
    uint32_t count, max;
    uint32_t oldest, newest, unused; /* SAMPLE_NONE: none */
};

#define SAMPLE_NONE UINT32_MAX

void samples_init(struct samples *s, uint32_t max);
void samples_deinit(struct samples *s);

/* The new sample, all but its page for the caller to set; NULL: there are max already, it is one
 * already, or there is no memory. Pointers into the table hold until the next samples_add. */
struct sample *samples_add(struct samples *s, uint64_t page);
struct sample *samples_find(const struct samples *s, uint64_t page);
struct sample *samples_oldest(const struct samples *s);
void samples_remove(struct samples *s, struct sample *sample);
