/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overcommit ratio (configured / capacity) averaged over 1, 5 and 15 minutes, with weights that
 * fade as those of the load average do; before so much time has passed, over the time that has.
 */
#pragma once

#include "core/units.h"

enum overcommit_span {
    OVERCOMMIT_1M,
    OVERCOMMIT_5M,
    OVERCOMMIT_15M,
    OVERCOMMIT_SPANS,
};

struct overcommit {
    double now;
    double average[OVERCOMMIT_SPANS];
    double weighted[OVERCOMMIT_SPANS], weight[OVERCOMMIT_SPANS]; /* sums; average is their ratio */
    usec_t last;                                                 /* 0: nothing was observed yet */
};

void overcommit_observe(struct overcommit *o, uint64_t configured, uint64_t capacity, usec_t now);
