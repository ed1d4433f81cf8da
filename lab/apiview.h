/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's view of things, as its API tells it (docs/api.md). */
#pragma once

#include "lab/daemonproc.h"
#include "scenario/record.h"

struct apiview {
    struct daemonproc *daemon; /* NULL: there is none */
    struct record *record;
    double wall_start; /* wall clock where the scenario's clock was 0 */
    uint64_t events_next;
};

/*
 * Asks once. Fills in the daemon's members of @host and of the record's number of @guests; where it
 * does not answer, what was last known is kept, and they are not marked as managed or known.
 */
void apiview_poll(struct apiview *v, struct host_sample *host, struct guest_sample *guests);

/* Collects the events since the last time into the record. */
void apiview_collect(struct apiview *v);

/* Is the guest known, and does its QMP answer? */
bool apiview_is_up(struct apiview *v, const char *guest);
