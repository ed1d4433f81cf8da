/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest says about itself over the balloon's statistics queue, and how far that is believed.
 *
 * Source: QEMU qom-get guest-stats of virtio-balloon (bytes, except faults and counts), filled by
 * the guest's drivers/virtio/virtio_balloon.c. Everything here is written by the guest: it can be
 * missing, frozen, absurd or a lie.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/units.h"

/* QEMU reports 2^64-1 for a value that the guest's driver never sent. */
#define GUEST_STAT_UNSET UINT64_MAX

struct guest_stats {
    uint64_t last_update;     /* host's wall clock in seconds when the guest last sent; 0: never */
    uint64_t total;           /* MemTotal; excludes the balloon unless deflate-on-oom is on */
    uint64_t free;            /* MemFree */
    uint64_t available;       /* MemAvailable */
    uint64_t caches;          /* page cache without swap cache */
    uint64_t swap_in;         /* bytes since the guest's boot */
    uint64_t swap_out;        /* bytes since the guest's boot */
    uint64_t major_faults;    /* count since the guest's boot */
    uint64_t minor_faults;    /* count since the guest's boot */
    uint64_t oom_kills;       /* count; QEMU 9.2 and guest kernel 6.12 on */
    uint64_t alloc_stalls;    /* count; as oom_kills */
    uint64_t direct_reclaims; /* pages; as oom_kills */
};

/* All values unset, never updated. */
extern const struct guest_stats GUEST_STATS_NONE;

enum stats_trust {
    STATS_ABSENT,        /* the guest has never sent any */
    STATS_FRESH,         /* believed */
    STATS_STALE,         /* not renewed for longer than allowed while the guest ran */
    STATS_ABSURD,        /* a value that no machine of this size can have */
    STATS_CONTRADICTORY, /* values that exclude each other, or counters that ran backwards */
    STATS_REFUTED, /* the guest claimed memory to be available that its balloon could not get */
    STATS_TRUST_MAX,
};

const char *stats_trust_name(enum stats_trust trust);

/*
 * Judges one reading by itself and against the one before it (@prev may be NULL), for a guest of
 * @size bytes. Only STATS_ABSENT, _FRESH, _ABSURD and _CONTRADICTORY come from here: staleness and
 * refutation need the guest's history and are the policy's (policy.c).
 */
enum stats_trust stats_judge(const struct guest_stats *prev, const struct guest_stats *now,
                             uint64_t size);
