/* SPDX-License-Identifier: Apache-2.0 */
/* What the trials of a bench say: a table for each class, and goals. */
#pragma once

#include <stdio.h>

#include "policies/runs.h"

struct json_object;

/* One policy in one class: means over its trials; kills are sums. */
struct report_row {
    const struct manager_ops *policy;
    unsigned trials;
    double mean, worst, lowest; /* worst guest: on average over the trials, and of all of them */
    double lost, below_reservation, fairness, moved, reaction, withheld, over, cpu;
    unsigned oom_kills, panics, host_kills;
};

/* False: nothing was run of that class. */
bool report_row(const struct runs *runs, unsigned class, unsigned policy, struct report_row *ret);

/* Smaller differences of throughput are a tie. */
#define REPORT_TIE 0.001

void report_tables(const struct runs *runs);

/* A line a goal; true: all are met. Only where Aerostat is among the policies. */
bool report_goals(const struct runs *runs);

void report_csv(const struct runs *runs, FILE *out);
struct json_object *report_json(const struct runs *runs); /* owned by the caller */

/* A group of bars for each class: mean throughput, and within it that of the worst guest. */
bool report_svg(const struct runs *runs, const char *path, GError **error);
