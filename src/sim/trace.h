/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace: what the guests of a fleet did with their memory over time, as a CSV file that `aerostat
 * record` writes and people can. docs/aerostat-trace.5.scd has the format.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sim/sim.h"

/* No trace has more guests than this, more rows, nor is longer (two years). */
#define TRACE_GUESTS_MAX 100000
#define TRACE_ROWS_MAX   50000000
#define TRACE_LENGTH_MAX (731 * 86400 * USEC_PER_SEC)

/* A guest that ends and comes again is another one, called NAME.2, NAME.3, ... */
struct trace {
    struct sim_guest_spec *guests; /* in the order of their first rows; with their work, and names
                                      that belong to the trace. Times are those of the trace, whose
                                      first row is at 0 where it is a date */
    size_t n;
    usec_t length; /* the last row's time */
};

/* Errors (SCENARIO_ERROR_INVALID) name file, line and column. */
struct trace *trace_load(const char *path, GError **error);
void trace_free(struct trace *t);
