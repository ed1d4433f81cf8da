/* SPDX-License-Identifier: Apache-2.0 */
/* What each mechanism of reclamation did over a run, from the samples. */
#pragma once

#include <limits.h>

#include "scenario/means.h"
#include "scenario/record.h"

#define EVERY_GUEST UINT_MAX

/* From the sample before the @i-th to it, of one guest or of all. */
double movement_between(const struct record *r, enum means m, unsigned i, unsigned guest);

/* Is that more than looks from outside make of it (sampling, a page more or less)? */
bool movement_counts(enum means m, double amount);

/* "12M", or "3.5 s". Owned by the caller. */
char *movement_format(enum means m, double amount);

/* When it acted, as pairs of times, with pauses shorter than MOVEMENT_PAUSE left out. */
struct movement_stretch {
    double from, to;
    double amount;
};
#define MOVEMENT_PAUSE 2.0
GArray *movement_stretches(const struct record *r, enum means m);
