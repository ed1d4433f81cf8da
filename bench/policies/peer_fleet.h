/* SPDX-License-Identifier: Apache-2.0 */
/* The guests of a simulated host as a peer's tool sees and commands them: by their balloons. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "policies/policies.h"

struct peer_guest {
    unsigned number;     /* in the simulator */
    uint64_t min, size;  /* size: also the largest that its balloon lets it be */
    uint64_t shares;     /* as configured; 0: the peer's default */
    bool reported;       /* there is a balloon, and QEMU answers for it */
    bool running;        /* its processors are */
    uint64_t actual;     /* visible size; of one that is still settling, its target */
    usec_t settle_until; /* it was told at its start to be smaller: it is not yet, until then */
    uint64_t target;     /* last sent; 0: none yet */
    uint64_t free;       /* as its statistics say; GUEST_STAT_UNSET */
    uint64_t available;  /* likewise */
    uint64_t used;       /* neither free nor page cache; likewise */
    void *own;           /* of the peer, by g_malloc; freed with the guest */
};

struct peer_fleet {
    struct sim *sim;
    uint64_t capacity; /* of the host, when last looked at */
    uint64_t free;     /* host memory that nobody occupies, likewise */
    GPtrArray *guests; /* struct peer_guest, in the order of their start */
};

void peer_fleet_init(struct peer_fleet *f, struct sim *s, uint64_t capacity);
void peer_fleet_deinit(struct peer_fleet *f);

static inline struct peer_guest *peer_guest(const struct peer_fleet *f, unsigned i)
{
    return g_ptr_array_index(f->guests, i);
}

struct peer_guest *peer_fleet_started(struct peer_fleet *f, unsigned number,
                                      const struct manager_guest *facts);
void peer_fleet_ended(struct peer_fleet *f, unsigned number);

/* Looks at the host and at every guest. */
void peer_fleet_look(struct peer_fleet *f);

/* What the guests hold where no memory is ever lent twice, as on Xen. */
uint64_t peer_fleet_assigned(const struct peer_fleet *f);

/* A guest starts with so much, as on Xen; here it starts with its size, and is ballooned at once.
 */
void peer_guest_start_with(struct peer_fleet *f, struct peer_guest *g, uint64_t visible);

/* Sends a target, between a page and the guest's size. */
void peer_guest_set(struct peer_fleet *f, struct peer_guest *g, uint64_t visible);
