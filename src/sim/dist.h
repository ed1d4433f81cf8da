/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distributions as people write them in a fleet description:
 *
 *     2G                  always the same
 *     uniform 1G 4G       anything between the two
 *     normal 2G 256M      mean and standard deviation; nothing below 0
 *     lognormal 2G 1.5    median and spread: two in three are within median / 1.5 and median * 1.5
 *
 * Amounts are sizes or durations; a draw is in bytes or in seconds.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum dist_kind {
    DIST_FIXED,
    DIST_UNIFORM,
    DIST_NORMAL,
    DIST_LOGNORMAL,
};

struct dist {
    enum dist_kind kind;
    double a, b; /* value; least, most; mean, deviation; median, spread */
};

/* For keytable.h; @member is a struct dist. */
bool dist_parse_size(const char *text, void *member);
bool dist_parse_seconds(const char *text, void *member);

#define DIST_SIZES   "a size, as 2G, or: uniform 1G 4G, normal 2G 256M, lognormal 2G 1.5"
#define DIST_SECONDS "a time, as 20min, or: uniform 1min 1h, normal 20min 5min, lognormal 20min 2"

/* Takes two numbers from @rand, whatever the kind: what is drawn next does not depend on it. */
double dist_draw(const struct dist *d, GRand *rand);

/* What no draw exceeds but one in a thousand. */
double dist_most(const struct dist *d);
