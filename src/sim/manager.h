/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One manager of memory for all guests of a simulated host, whatever its policy: it is woken when
 * it asked to be, looks as it could look on a real host, and acts as it could act there. What it
 * sees is as old and as wrong as it would be: statistics are those that the guest last sent
 * (core/stats.h), with their lies.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"
#include "core/share.h"
#include "core/units.h"
#include "sim/sim.h"

/* What a guest was started with: known to whoever manages it. */
struct manager_guest {
    const char *name;
    uint64_t size; /* and largest balloon size */
    uint64_t min;  /* dynamic minimum, of managers that know one */
    struct guest_settings settings;
    bool pager, share, balloon_device;
};

struct manager_ops {
    const char *name;  /* "aerostat", "proxmox" */
    const char *title; /* for tables and plots */

    /* Of what a host of its kind has: the simulator gives it only that. */
    bool pagers;      /* guests with shared memory get a pager; allow() does something */
    bool sharing;     /* KSM may be driven */
    bool knows_truth; /* the oracle: sim_guest_now() and the specs are its to look at */

    void *(*create)(struct sim *s, const void *config, uint64_t capacity);
    void (*destroy)(void *m);

    /* @guest has started (@facts), or has ended. May be NULL. */
    void (*started)(void *m, unsigned guest, const struct manager_guest *facts);
    void (*ended)(void *m, unsigned guest);

    /* A guest asks to be started: true: at once. False: not now; it is asked for again a second
     * later. NULL: everybody is let in. */
    bool (*admit)(void *m, const struct manager_guest *facts);

    /* Its configuration has changed (as create got it). NULL: it has none that could. */
    void (*configure)(void *m, const void *config);

    /* Does what is due; returns when it wants to be woken again. */
    usec_t (*wake)(void *m, usec_t now);

    /* What it knows, for display and for goals; NULL: it has nothing of the kind. False: not (yet)
     * known. */
    bool (*view)(const void *m, unsigned guest, struct guest_view *ret);
    bool (*host_view)(const void *m, struct host_view *ret);
};

/* Looks. Only guests that have started and not ended may be looked at. */
struct manager_host {
    uint64_t capacity, resident, free; /* free: capacity - resident */
    uint64_t swap_free;
    double pressure; /* PSI "some" of the last 10 s, percent, by pages that the kernel swaps */
};
void manager_host_look(const struct sim *s, struct manager_host *ret);

/* As the daemon sees a guest: policy.h. With @partial only its memory is looked at, the rest is as
 * it was at the last full look. Peers use of it what their tools have: actual, size, stats. */
void manager_guest_look(const struct sim *s, unsigned guest, bool partial,
                        struct guest_observation *ret);

/* As the kernel counts (core/share.h), all but the state. */
void manager_share_look(const struct sim *s, struct share_observation *ret);

/* Acts. Taken at once, done as fast as it goes. */
void manager_balloon(struct sim *s, unsigned guest, uint64_t visible);
void manager_allow(struct sim *s, unsigned guest, uint64_t allowed); /* ALLOWED_ANY */
void manager_block(struct sim *s, unsigned guest, usec_t how_long);
void manager_unblock(struct sim *s, unsigned guest);
void manager_scan(struct sim *s, double pages_per_second); /* KSM; 0: stop */
/* Windows of sampling, where the guest has a pager; until then it has none. */
void manager_sample(struct sim *s, unsigned guest, usec_t window);

/* The real policy, as the daemon drives it. Config: struct manager_aerostat_config, or NULL: that
 * of manager_aerostat_config_default(), as of a daemon without a configuration. */
struct manager_aerostat_config {
    struct policy_params policy;
    struct share_params share;
    usec_t period, stats_period;
    usec_t sample_window; /* of pagers */
    bool observe;         /* decides, but does not act */
};
struct manager_aerostat_config manager_aerostat_config_default(void);
extern const struct manager_ops MANAGER_AEROSTAT;
/* Nobody: the kernel swaps. */
extern const struct manager_ops MANAGER_NONE;
