/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's host and guest objects (docs/api.md) as structs for display. What is null, absent (an
 * older daemon) or of another type is UNKNOWN_U64, UNKNOWN_DOUBLE or NULL: shown as "-", never as
 * 0. Strings are borrowed from the JSON object. Sizes are bytes, times seconds, rates per second;
 * booleans are "yes" and "no".
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/text.h"

/* The host's states, from the best to the worst. */
enum {
    STATE_HIGH,
    STATE_CLEAR,
    STATE_SOFT,
    STATE_HARD,
    STATE_LOW,
    STATES,
};
extern const char *const STATE_NAMES[STATES];

/* Identical pages, merged by the kernel. */
struct host_sharing_info {
    const char *supported, *run;
    const char *reason, *explain;
    const char *domain;  /* the one that is shared */
    const char *blocker; /* why nothing may be merged */
    double rate;         /* pages looked at */
    double cpu;          /* of one processor */
    uint64_t shared, saved, unshared;
};

/* The kernel's swap space, for guests with private memory. */
struct swap_pool_info {
    bool managed;             /* there is one; nothing else is known without */
    uint64_t size, used;      /* all of the host's */
    uint64_t own, could_grow; /* of these, in files of the pool; by how much they could */
    uint64_t needed, counted; /* what guests may have to put out; what they can count on */
    uint64_t files;
    const char *growing, *error;
    const char *zswap, *zswap_explain;
    uint64_t zswap_payload, zswap_pool; /* pages in it, what it takes for them */
};

struct host_info {
    const char *version, *mode, *state;
    double uptime, period, state_age;
    double state_seconds[STATES]; /* spent in each so far */
    uint64_t marks[STATES];       /* free memory below which a state begins; [STATE_HIGH]: that must
                                     be free for it to be reached again */
    uint64_t capacity, configured, resident, free, minfree, available, ballooned, overhead;
    double overcommit, overcommit_1m, overcommit_5m, overcommit_15m;
    uint64_t guests, guests_up, blocked;
    uint64_t pagers, zero, compressed, swapped, cache; /* all pagers together */
    double out_rate, in_rate;
    struct host_sharing_info sharing;
    struct swap_pool_info swap_pool;
};

/* Its index in STATE_NAMES; -1: not known. */
int host_info_state(const struct host_info *host);

#define DISTRESS_TEXT_MAX 96

/* How long the guest waited for its pager, and how often. */
struct fault_info {
    uint64_t count;
    double p50, p90, p99;
};

/* All unknown where the guest has no pager. */
struct pager_info {
    const char
        *state; /* one word for all of it: "serving", "parking", "parked", "held", "refused" */
    const char *standing, *phase, *error;
    const char *reason, *explain; /* why it may leave the guest what it does */
    const char *parked, *evicting, *stopped;
    uint64_t pid;
    uint64_t absent, resident, zero, compressed, swapped; /* the guest's RAM */
    uint64_t cache_payload, cache_occupied, cache_limit;
    double cache_ratio;
    uint64_t swap_size, swap_used;
    uint64_t allowed, own;
    uint64_t evicted; /* so far */
    double out_rate, in_rate, write_rate, read_rate;
    struct fault_info first, from_zero, from_cache, from_swap, protected;
    uint64_t ws_1s, ws_10s, ws_1min, ws_10min; /* working set */
    double sampled_active;                     /* 0..1 */
    uint64_t sample_windows;
    uint64_t held, held_offset; /* pages that can't be read back; where one of them is */
    const char *held_error;
    uint64_t io_errors, takeovers;
};

/* All unknown where the kernel does not swap for the guest. */
struct kernel_swap_info {
    const char *standing, *error;
    const char *method, *method_reason; /* why not the better one */
    const char *source;                 /* of the knowledge of its activity */
    const char *cgroup, *reason, *explain;
    uint64_t swapped, zswapped; /* of these, in zswap */
    uint64_t allowed, promised;
    uint64_t out, in; /* so far */
    double out_rate, in_rate, speed;
    double sampled_active; /* 0..1 */
};

/* What is out of memory, and moves: the same of a pager and of the kernel. */
struct paged_info {
    const char *state;  /* that of the pager, or "kernel", or why it is not */
    const char *reason; /* why it may occupy what it may */
    uint64_t zero, compressed, swapped, allowed;
    uint64_t out; /* so far */
    double out_rate, in_rate;
};

/* Time lost waiting for memory. */
struct lost_info {
    double part;                           /* of one processor's, of the last ten seconds or so */
    double guest_swap, host_swap, blocked; /* so far, by what */
};

struct guest_sharing_info {
    const char *standing, *domain, *error;
    uint64_t merged, saved;
};

struct guest_info {
    const char *name, *vmm, *socket, *ram, *link, *error, *running, *admitted;
    uint64_t pid;
    uint64_t size, granted, resident, overhead, entitled;
    uint64_t active, activity_slow, activity_fast, activity_current;
    const char *activity_source;
    const char *driver;
    uint64_t balloon, balloon_target, balloon_max;
    uint64_t shares, reservation, limit;
    const char *exempt;
    const char *guest_swap;
    uint64_t guest_swap_seen; /* most that it was seen to have in its own swap */
    const char *trust;
    double stats_age;
    uint64_t stats_total, stats_free, stats_available, stats_caches;
    double swap_in_rate, swap_out_rate, major_fault_rate; /* of the guest itself */
    uint64_t oom_kills;
    char distress[DISTRESS_TEXT_MAX]; /* "swap-in, low-available", or "" */
    double distress_age;
    struct lost_info lost;
    double balloon_speed, swap_speed; /* measured when last used */
    struct guest_sharing_info sharing;
    const char *blocked_now;
    uint64_t blocked_times;
    double blocked_seconds, blocked_owed;
    const char *reason, *explain;
    double decided_age;
    struct pager_info pager;
    struct kernel_swap_info kernel_swap;
    struct paged_info paged;
    uint64_t paged_by_guest; /* put out by the host, then by the guest as well; at most */
    /* Between two samples of `top`; unknown with the first one. */
    double resident_rate, balloon_rate;
};

void host_info_read(struct host_info *host, struct json_object *object);
void guest_info_read(struct guest_info *guest, struct json_object *object);
