/* SPDX-License-Identifier: Apache-2.0 */
/* The pass before: what each guest's work yields when it is alone and has all its memory. */
#pragma once

#include "scenario/record.h"

/* Operations per second of the phases of work, in the order of the scenario's guests and phases. */
struct alone_rate {
    unsigned guest, phase;
    double rate;
};

/* Boots each guest that works, one after the other. NULL as run_scenario() returns false. */
GArray *alone_measure(const struct scenario *scenario, const char *directory, GError **error);

/* Puts the rates to the work of the record. */
void alone_apply(const GArray *rates, struct record *record);
