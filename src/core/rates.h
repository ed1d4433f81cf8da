/* SPDX-License-Identifier: Apache-2.0 */
/* How fast something goes: now (meter), and when it is asked to (speed). */
#pragma once

#include <stdbool.h>

#include "core/units.h"

/* What is counted over less than this is no rate, and waits for more. */
#define METER_WINDOW_USEC (250 * USEC_PER_MSEC)

/* Bytes per second of the last moments: follows a rise at once, and falls by half in a second. */
struct meter {
    double bytes; /* counted since the last rate was taken... */
    usec_t span;  /* ...over so long */
    uint64_t rate;
};

/* @bytes more (or less) in @elapsed; with 0 nothing is known of the time. */
void meter_follow(struct meter *m, double bytes, usec_t elapsed);

/*
 * Bytes per second of a mechanism while it works, remembered while it does not: an average over the
 * times when it had enough to do. 0: it never worked.
 */
struct speed {
    double bytes; /* of work not yet counted into the rate... */
    usec_t span;  /* ...in so long */
    uint64_t rate;
};

/*
 * It has done @bytes in @elapsed. @saturated: and there was more to do all the time; else it is
 * only known to be no slower than that.
 */
void speed_follow(struct speed *s, uint64_t bytes, usec_t elapsed, bool saturated);

/* Bytes at @rate in @usec, without overflow. */
uint64_t rate_bytes(uint64_t rate, usec_t usec);

/* How long @bytes last at @rate; USEC_NEVER where that is for ever, or as good as. */
usec_t rate_usec(uint64_t rate, uint64_t bytes);
