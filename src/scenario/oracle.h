/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody who knows the guests' needs beforehand would do: the lab's measure of the policy.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Sizes in bytes. */
struct oracle_guest {
    uint64_t size;
    uint64_t need;    /* from this boundary on; what is above size counts as size */
    uint64_t granted; /* guest-visible size under the ideal */
    uint64_t held;    /* host memory that the guest occupies under the ideal; <= granted */
};

/*
 * One phase boundary: need has changed. Guests below their need are raised to it; others are
 * lowered only as far as @available demands; nobody else is touched. Returns the bytes moved, that
 * is the sum of the changes of granted.
 */
uint64_t oracle_step(struct oracle_guest *guests, size_t n, uint64_t available);

struct oracle_share {
    double shares; /* > 0 */
    uint64_t lo, hi;
    uint64_t target; /* out */
};

/* Splits @available in proportion to the shares, within the bounds, by bisection on the level. */
void oracle_split(struct oracle_share *guests, size_t n, uint64_t available);
