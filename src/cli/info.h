/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's host and guest objects (docs/api.md) as structs for display. What is null, absent or of
 * another type is UNKNOWN_U64, UNKNOWN_DOUBLE or NULL: shown as "-", never as 0.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/text.h"

/* Strings are borrowed from the JSON object. */
struct host_info {
    const char *version, *mode, *state;
    double uptime, period, state_age; /* seconds */
    uint64_t capacity, configured, resident, free, minfree, available, ballooned,
        overhead; /* bytes */
    double overcommit, overcommit_1m, overcommit_5m, overcommit_15m;
    uint64_t guests, guests_up;
    uint64_t pagers, zero, compressed, swapped, cache; /* all pagers together; bytes */
    double out_rate, in_rate;                          /* bytes per second */
    double psi_some, psi_full;                         /* % of the last 10 s */
};

#define DISTRESS_TEXT_MAX 96

/* How long the guest waited for its pager, seconds, and how often. */
struct fault_info {
    uint64_t count;
    double p50, p90, p99;
};

/* All unknown where the guest has no pager. */
struct pager_info {
    const char
        *state; /* one word for all of it: "serving", "parking", "parked", "held", "refused" */
    const char *standing, *phase, *error;
    const char *explain;                     /* why it may leave the guest what it does */
    const char *parked, *evicting, *stopped; /* "yes", "no" */
    uint64_t pid;
    uint64_t absent, resident, zero, compressed, swapped; /* bytes of the guest's RAM */
    uint64_t cache_payload, cache_occupied, cache_limit;
    double cache_ratio;
    uint64_t swap_size, swap_used;
    uint64_t allowed, own;
    double out_rate, in_rate, write_rate, read_rate; /* bytes per second */
    struct fault_info first, from_zero, from_cache, from_swap, protected;
    uint64_t ws_1s, ws_10s, ws_1min, ws_10min; /* working set, bytes */
    double sampled_active;                     /* 0..1 */
    uint64_t sample_windows;
    uint64_t held, held_offset; /* pages that can't be read back; where one of them is */
    const char *held_error;
    uint64_t io_errors, takeovers;
};

struct guest_info {
    const char *name, *vmm, *socket, *ram, *link, *error;
    const char *running; /* "yes", "no" */
    uint64_t pid;
    uint64_t size, granted, resident, overhead, entitled; /* bytes */
    uint64_t active, activity_slow, activity_fast, activity_current;
    const char *activity_source;
    const char *driver;
    uint64_t balloon, balloon_target, balloon_max;
    uint64_t shares, reservation, limit;
    const char *exempt; /* "yes", "no" */
    const char *guest_swap;
    const char *trust;
    double stats_age; /* seconds */
    uint64_t stats_total, stats_free, stats_available, stats_caches;
    double swap_in_rate, swap_out_rate, major_fault_rate; /* of the guest, per second */
    uint64_t oom_kills;
    char distress[DISTRESS_TEXT_MAX]; /* "swap-in, low-available", or "" */
    double distress_age;
    const char *reason, *explain;
    double decided_age;
    struct pager_info pager;
    const char *has_pager; /* "yes", "no" */
    /* Between two samples of `top`, bytes per second; unknown with the first one. */
    double resident_rate, balloon_rate;
};

void host_info_read(struct host_info *host, struct json_object *object);
void guest_info_read(struct guest_info *guest, struct json_object *object);

/* "high" etc. as they are; "-" for NULL. */
const char *text_or_dash(const char *text);
