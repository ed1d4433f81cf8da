/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet: kinds of guests, in parts of the whole, from which guests are drawn with all that they
 * will do. Read from a description (INI, aerostat-fleet(5)), or made of recorded guests.
 *
 * Guest number i of a seed is the same whatever else is drawn: a larger fleet is the smaller one
 * and more besides, so that two sizes differ by nothing else.
 *
 * What it leaves out: guests that come and go (all live as long as the simulation), differences
 * between the days of a week, and correlation between guests beyond the hours that they share.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/dist.h"
#include "sim/sim.h"

#define FLEET_KINDS_MAX 16
/* Of one simulated host. */
#define FLEET_GUESTS_MAX 100000u
#define FLEET_DAYS_MAX   31u

#define FLEET_DAY UINT64_C(86400000000) /* microseconds */

/* The simulation begins so long before the first midnight: guests start in the first half of it. */
#define FLEET_WARM_UP (3600 * USEC_PER_SEC)

struct fleet_host {
    uint64_t memory, reserve; /* guests may occupy the difference */
    uint64_t swap;            /* for the kernel */
    double cache;             /* of a guest's size, for compressed pages */
};

/* So much of what programs hold is used again after that many seconds, on average, while they are
 * busy. */
struct fleet_reuse {
    double part, interval;
};

/* Seconds since midnight; it may reach past midnight. Equal: the whole day. */
struct fleet_hours {
    double from, to;
};

#define FLEET_REUSES 3

struct fleet_kind {
    char *name;
    /* How many: */
    double share;   /* of the guests that are not counted; all kinds together 1 */
    unsigned count; /* so many in each fleet; 0: it has a share */
    /* What each is: */
    struct dist size;
    int ram, balloon, stats,
        shares; /* enum sim_ram, ...; SHARES_* by place in "low, normal, high" */
    bool pager, sharing, deflate_on_oom, reporting;
    double reservation, limit; /* parts of its size */
    uint64_t guest_swap;
    unsigned vcpus, threads;
    /* What it holds: */
    struct dist idle, busy; /* programs, at rest and at work */
    struct dist growth;     /* a day */
    struct dist cache;      /* files that are read again... */
    double cache_reuse;     /* ...after so many seconds */
    struct dist files;      /* that are read once, in each spell of work */
    struct fleet_reuse reuse[FLEET_REUSES];
    struct work_content content;
    double writes;
    /* When: */
    struct fleet_hours hours, peak; /* no peak where it is the whole day */
    double jitter;                  /* seconds that a guest's day may be early or late */
    double busy_part, peak_part;    /* of the spells within the hours in which it works */
    struct dist spell;              /* how long it works, or rests, at a stretch */
    double load, idle_load;         /* of a processor */
    double idle_use;                /* of the use of memory, at rest */
    double bursts;                  /* a day */
    struct dist burst_size, burst_length;
};

struct trace; /* trace.h */

/* What a drawn guest's day is of its recorded one. */
enum fleet_shift {
    FLEET_SHIFT_DAYS,  /* moved by whole days: common hours stay common */
    FLEET_SHIFT_PHASE, /* moved by any time: they come apart */
};

struct fleet {
    char *title;
    struct fleet_host host;
    GPtrArray *kinds;          /* struct fleet_kind *; empty where guests are recorded ones */
    const struct trace *trace; /* NULL; else borrowed */
    enum fleet_shift shift;
};

/* NULL and @error with the place and the cure where it is not understood. */
struct fleet *fleet_load(const char *path, GError **error);

/* Of recorded guests, drawn with replacement. The host is empty: its memory is the caller's matter.
 */
struct fleet *fleet_of_trace(const struct trace *trace, enum fleet_shift shift);
void fleet_free(struct fleet *f);

/* Names of what guests are drawn from, kinds or recorded guests, and which of them @i is of. */
unsigned fleet_kinds(const struct fleet *f);
const char *fleet_kind_name(const struct fleet *f, unsigned number);
unsigned fleet_kind_of(const struct fleet *f, uint32_t seed, unsigned i);

uint64_t fleet_guest_size(const struct fleet *f, uint32_t seed, unsigned i);

/* @days, or the length of the recording where that is less. */
usec_t fleet_length(const struct fleet *f, unsigned days);

/* Guest @i with its work from the beginning of the warm-up to the end of @days. The caller clears
 * it. */
void fleet_guest(const struct fleet *f, uint32_t seed, unsigned i, unsigned days,
                 struct sim_guest_spec *ret);
void fleet_guest_clear(struct sim_guest_spec *spec);
