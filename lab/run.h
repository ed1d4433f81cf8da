/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a scenario: guests and daemon, the clock, the record. */
#pragma once

#include "scenario/record.h"

struct run_config {
    const char *directory; /* of this run; exists */
    const char *memory;    /* the same on a tmpfs; NULL: guests get no pagers */
    bool managed;          /* with the daemon */
    const char *peer;      /* command of another manager in its place; NULL: none */
    const char *mode;      /* of the daemon */
    bool live;             /* print the live table */
    bool keep_logs;
};

/* Guests that boot at the same time: a boot is all computing. */
#define RUN_BOOTS_MAX 2

/*
 * Boots the guests, runs the clock and fills @record. False and @error where the run could not be
 * made; false without @error where a signal has ended it. Everything is ended when it returns.
 */
bool run_scenario(struct record *record, const struct run_config *config, GError **error);
