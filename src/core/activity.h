/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The estimate of a guest's active memory: the maximum of a slow average, a fast average and the
 * current window, so that it rises at once and falls slowly (Waldspurger 2002, section 5.3).
 *
 * It takes observations, in bytes, from any sampler: this release feeds it from the guest's
 * statistics and the growth of its resident size, the pager's page sampling will feed it
 * touched/sampled * resident.
 */
#pragma once

#include <stdbool.h>

#include "core/units.h"

enum activity_source {
    ACTIVITY_UNKNOWN, /* nobody can tell: everything resident counts as active */
    ACTIVITY_STATS,   /* guest's statistics */
    ACTIVITY_SAMPLED, /* the pager's page sampling */
    ACTIVITY_SOURCE_MAX,
};

const char *activity_source_name(enum activity_source source);

struct activity {
    double slow; /* bytes */
    double fast; /* bytes */
    uint64_t current;
    usec_t last; /* of the last observation; meaningless while !known */
    bool known;
};

/* Time constants of the two averages: after one of them 63 % of a step is taken over. */
struct activity_params {
    usec_t fast_usec;
    usec_t slow_usec;
};

/* One window's result: @active bytes were seen in use at @now. */
void activity_observe(struct activity *a, const struct activity_params *params, uint64_t active,
                      usec_t now);

/* Bytes; 0 before the first observation. */
uint64_t activity_estimate(const struct activity *a);
