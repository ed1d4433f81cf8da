/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's squeezed, pure: one look of its loop. Bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/units.h"

struct squeezed_domain {
    bool can_balloon;
    uint64_t dmin, dmax, actual, target;
    /* Kept from look to look: */
    uint64_t before; /* actual at the last look */
    usec_t stamp;    /* of its last progress */
    bool stuck;
};

enum squeezed_answer {
    SQUEEZED_WAIT, /* targets were set, or have not been reached: look again a second later */
    SQUEEZED_DONE,
    SQUEEZED_CANNOT,  /* there is not so much to free */
    SQUEEZED_REFUSED, /* domains do not move */
};

/* What is always kept free. */
#define SQUEEZED_HOST_TARGET (72 * MIB)

/* A domain that has just been taken on. */
void squeezed_domain_init(struct squeezed_domain *d, usec_t now);

/* Notes who moves and who is stuck; of every look, before squeezed_step. */
void squeezed_observe(struct squeezed_domain *domains, size_t n, usec_t now);

/* What each domain would have, all at the same place between their limits. */
void squeezed_ideals(const struct squeezed_domain *domains, size_t n, uint64_t host_free,
                     uint64_t want, uint64_t *ret_ideals);

/* One look: may set targets (@ret_changed says if it did). @free: so much is to be freed; balancing
 * where @balance. */
enum squeezed_answer squeezed_step(struct squeezed_domain *domains, size_t n, uint64_t host_free,
                                   bool balance, uint64_t free, bool *ret_changed);
