/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits memory among guests by shares, with a tax on idle memory.
 *
 * A guest that holds P bytes of which A are active pays cost(P) = min(P, A) + k max(0, P - A), with
 * k = 1 / (1 - tax). Waldspurger's price of a page is shares / cost(P); min-funding revocation
 * takes the next page from the guest with the lowest price, and so ends where cost(P) / shares is
 * one level L for every guest that is not at a bound. This module finds that L exactly.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct waterfill_guest {
    /* in */
    double shares;   /* > 0 */
    uint64_t active; /* bytes */
    uint64_t lo;     /* never less than this... */
    uint64_t hi;     /* ...nor more than this; lo <= hi */
    /* out */
    uint64_t target;
};

/*
 * Sets every guest's target so that lo <= target <= hi and the targets add up to @available, or to
 * the sum of lo where that is more, or to the sum of hi where that is less. @tax is in [0, 1).
 * O(n log n). Returns 0, or -ENOMEM, and then no target is set.
 */
int waterfill(struct waterfill_guest *guests, size_t n, uint64_t available, double tax);

/* k: what an idle byte costs, in active ones. */
double waterfill_idle_cost(double tax);

/*
 * The level at which @g would hold @bytes: the inverse of the price of its next page. Who stands at
 * the lowest level is the most entitled to more.
 */
double waterfill_level(const struct waterfill_guest *g, uint64_t bytes, double tax);
