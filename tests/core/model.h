/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with a few modelled guests around the real policy, in steps of one second or less: enough
 * of a guest's kernel, balloon driver and swap, its pager or the host's swap, to see decisions take
 * effect, and to lie. Guests are polled once a second, and where steps are shorter, their memory is
 * looked at in between when the policy asks for it, as the daemon does. What a real
 * guest does is tested on real guests; this is for days, corner cases and lies, in milliseconds.
 */
#pragma once

#include <stdbool.h>

#include "core/policy.h"

#define MODEL_GUESTS_MAX 8

enum model_driver {
    MODEL_DRIVER_WORKS,
    MODEL_DRIVER_DEAF,   /* has a driver that reports, but ignores targets */
    MODEL_DRIVER_ABSENT, /* a device, no driver */
    MODEL_NO_DEVICE,
};

enum model_stats {
    MODEL_STATS_TRUE,
    MODEL_STATS_NONE,
    MODEL_STATS_FROZEN,     /* no longer renewed */
    MODEL_STATS_LIE_IDLE,   /* claims that nearly everything is available */
    MODEL_STATS_LIE_HUNGRY, /* claims that nothing is available, and to page in */
    MODEL_STATS_ABSURD,
};

struct model_guest {
    /* given */
    uint64_t size, demand, cache_demand, swap_size, balloon_rate;
    enum model_driver driver;
    enum model_stats stats;
    bool paused, unreachable;
    struct guest_settings settings;
    bool parked; /* by its operator */
    bool pager;  /* has one, with a swap file of size - reservation */
    bool kernel; /* it is the kernel, which puts out what it is told to at a look, and no more */
    uint64_t growth;     /* bytes/s at which it takes what it wants; 100 MiB */
    uint64_t evict_rate; /* bytes/s; 300 MiB */
    uint64_t hot;        /* of what it has touched, as much is touched every second; 0: all */
    bool samples;        /* the pager samples, and tells hot from cold */
    bool cold_first;     /* and chooses by that what it puts out */
    /* state */
    uint64_t out, moved_out, loaded, allowed, kernel_excess;
    usec_t waited, blocked, block_until;
    uint64_t blocks, actual_seen;
    struct guest_stats said;
    double earned; /* microseconds: by its excess over its target while others were blocked */
    unsigned allowed_sent, allowed_flips; /* orders; of these, from or to ALLOWED_ANY */
    uint64_t used, cache, swapped, resident, actual, target, swap_in, swap_out;
    uint64_t last_update;
    unsigned oom, targets_sent, unreachable_targets;
    uint64_t last_inflate_target;
    struct policy_guest *policy;
    struct guest_view view;
};

struct model {
    struct policy *policy;
    struct host_observation host;
    struct model_guest guests[MODEL_GUESTS_MAX];
    size_t n;
    usec_t now, tick, look_at, polled_at, decided_at;
    uint64_t most_held; /* bytes, by all guests together in any step */
    uint64_t looks;
    uint64_t inflated, deflated; /* bytes that balloons moved */
    unsigned period;             /* seconds between decisions */
    unsigned evictions_in_high;  /* orders that took memory while the host was not short */
    unsigned inflations_in_high; /* decisions that grew a balloon while the host was not short */
};

void model_init(struct model *m, uint64_t capacity);
void model_deinit(struct model *m);

/* A guest with a working driver (80 MiB/s), truthful statistics, freshly booted. Owned by the
 * model. */
struct model_guest *model_add(struct model *m, uint64_t size);

/* The guest ends; others keep their pointers. */
void model_end(struct model *m, struct model_guest *g);

/* One step. */
void model_step(struct model *m);

/* Bytes that all guests occupy together now, seen or not. */
uint64_t model_held(const struct model *m);

void model_run(struct model *m, unsigned seconds);
