/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run leaves behind: a time series of the host and every guest, the daemon's events, the
 * work done in each phase, and how each guest ended. measure.h draws the figures from it.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/hoststate.h"
#include "scenario/scenario.h"
#include "scenario/seen.h"

/* No run has more samples than this, nor more events. */
#define RECORD_SAMPLES_MAX 100000
#define RECORD_EVENTS_MAX  100000

/* Sizes in bytes. Words are interned strings, "-" where unknown. */
struct host_sample {
    double t;          /* seconds on the scenario's clock */
    bool managed;      /* the daemon answered; else what follows repeats its last answer */
    const char *state; /* "high", ... */
    uint64_t capacity; /* the scenario's, now */
    uint64_t minfree;
    uint64_t resident; /* of all guests, by the lab's own count: with what compressed pages and the
                          pagers take, and with what the kernel has put into swap but not dropped */
    uint64_t free;     /* as the daemon says */
    uint64_t overhead; /* of the pagers themselves, as the daemon says */
    struct hostmem memory;
    unsigned blocked; /* guests, at this moment */
    double
        share_cpu; /* part of a processor that looking for equal pages takes, as the daemon says */
};

/* A guest with private memory in the kernel's swap. */
struct kernel_sample {
    uint64_t swapped; /* by the lab's own count */
    uint64_t out, in; /* so far, by the daemon's */
};

/* By the daemon's account, seconds so far. */
struct blocked_sample {
    double seconds;
    double owed; /* what its excess over its target would have earned it */
};

struct guest_sample {
    bool alive;                     /* QEMU runs */
    bool known;                     /* to the daemon */
    uint64_t size, granted, target; /* target: guest-visible size that was asked for */
    uint64_t resident;              /* by the lab's own count: shared pages in parts */
    uint64_t saved;                 /* what these parts are less */
    uint64_t active, entitled;
    uint64_t active_slow, active_fast, active_current; /* what the daemon's estimate is made of */
    const char *link, *driver, *trust, *reason;
    struct agent_report report;
    double rate;   /* operations per second since the last sample */
    double cpu;    /* seconds of processor time of its QEMU so far; 0 where simulated */
    bool starving; /* starved.h */
    struct pager_sample pager;
    struct kernel_sample kernel;
    struct blocked_sample blocked;
    double lost; /* seconds that it has lost waiting for memory, by the daemon's account */
};

/* All of the guest that is out of memory. */
static inline uint64_t guest_sample_out(const struct guest_sample *s)
{
    return pager_sample_out(&s->pager) + s->kernel.swapped;
}

/* One phase of work of one guest. */
struct work_phase {
    unsigned guest, phase;
    double begin, end; /* on the clock; end 0: still at it */
    uint64_t operations_before, operations_after;
    double alone_rate; /* operations per second of the same work alone; 0: not measured */
};

struct guest_outcome {
    uint64_t base;     /* memory in use before any work; 0: never got ready */
    bool asked_to_end; /* the scenario killed it */
    bool died;         /* QEMU ended unasked */
    bool panicked;
    unsigned pager_kills;  /* of its pager, by the scenario */
    double driver_seconds; /* deflating the same balloon at once, without the daemon; 0: not
                              measured */
};

/* What KSM had merged when it was first enough for the goal, or at the end of its time. */
struct merged_look {
    double t; /* 0: nobody has looked */
    struct identical_bytes bytes;
};

struct record {
    const struct scenario *scenario;
    bool simulated; /* some of what happens on real guests can't be there */
    double period;  /* the daemon's decision period; 0: there was no daemon */
    unsigned guests;
    GArray *hosts;                  /* struct host_sample */
    GArray *samples;                /* struct guest_sample, @guests for each host sample */
    GPtrArray *events;              /* json_object, as /v1/events gives them, time on the clock */
    GArray *work;                   /* struct work_phase */
    struct guest_outcome *outcomes; /* @guests of them */
    struct merged_look merged;
};

struct record *record_new(const struct scenario *scenario);
void record_free(struct record *r);

/* Appends a sample; @guests is an array of r->guests. False once the record is full. */
bool record_add(struct record *r, const struct host_sample *host,
                const struct guest_sample *guests);

/* Takes over @event. False once the record is full; the event is dropped. */
bool record_add_event(struct record *r, struct json_object *event);

static inline const struct host_sample *record_host(const struct record *r, unsigned i)
{
    return &g_array_index(r->hosts, struct host_sample, i);
}

static inline const struct guest_sample *record_guest(const struct record *r, unsigned i,
                                                      unsigned g)
{
    return &g_array_index(r->samples, struct guest_sample, i * r->guests + g);
}

/* The last sample of the guest, or NULL. */
const struct guest_sample *record_last(const struct record *r, unsigned guest);
