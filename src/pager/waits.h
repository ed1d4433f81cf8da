/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads of the guest that wait at a page which somebody else has claimed: since when. They are
 * woken when the claim is given back, by whoever held it, who asks here how long that was.
 *
 * waits_add by the faults thread alone, waits_end by any.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "core/units.h"

/* Beyond it waits are not counted. At most one per thread of QEMU. */
#define WAITS_MAX 64

struct waits {
    _Atomic unsigned n; /* in use; never less than there are while nobody adds */
    struct wait {
        _Atomic uint64_t page; /* + 1; 0: free */
        _Atomic usec_t since;
    } at[WAITS_MAX];
};

/* Before the page is marked as wanted, lest it be given back unseen; where it could not be marked,
 * waits_end takes it out. */
void waits_add(struct waits *w, uint64_t page, usec_t since);

/* Those at @page wait no longer: the sum of their waits. */
usec_t waits_end(struct waits *w, uint64_t page, usec_t now);
