/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a run, each drawn from its record alone. Sizes in bytes, times in seconds. */
#pragma once

#include "scenario/record.h"

/* How much the guests' balloons moved: the sums of what granted lost and won between samples. */
struct moved {
    uint64_t inflated, deflated;
};
struct moved measure_moved(const struct record *r);

/* What somebody who knows the guests' needs beforehand would have moved (oracle.h). */
uint64_t measure_ideal(const struct record *r);

/* Need of a guest at @t, for the oracle: what it uses when it does nothing, and what it owns. */
uint64_t measure_need(const struct record *r, unsigned guest, double t);

/* The first time that a ballooned guest starved, and when its granted size began to grow after it.
 */
struct relief {
    double sign;   /* on the clock; < 0: it never starved */
    double relief; /* on the clock: its visible size grew, after the sign if there was one;
                      INFINITY: never */
};
struct relief measure_relief(const struct record *r, unsigned guest);

/* Growth of granted that counts as relief: more than the rounding of a balloon. */
#define MEASURE_RELIEF_BYTES (UINT64_C(1) << 20)
/* This near to its size a guest counts as full again: the driver deflates in steps. */
#define MEASURE_FULL_BYTES (UINT64_C(4) << 20)

/* Seconds spent in each state, by its name; 0 for others. */
double measure_state_seconds(const struct record *r, const char *state);

struct overshoot {
    uint64_t worst; /* resident beyond capacity */
    double seconds; /* spent beyond it */
};
struct overshoot measure_overshoot(const struct record *r);

/* Operations of the guest's work relative to the same work alone; NAN where it was not measured. */
double measure_relative(const struct record *r, unsigned guest);

/* Seconds from @after until granted is the size again and stays it; INFINITY: never. */
double measure_back_at_full(const struct record *r, unsigned guest, double after);

/* Mean of what the guest occupied in the window, compressed pages included. */
double measure_mean_held(const struct record *r, unsigned guest, double from, double to);

/* Largest relative deviation of what the guests occupied on average from the split by shares. */
double measure_split(const struct record *r, double from, double to);

/* How often the worst target of the guest was sent again without having been reached in between. */
unsigned measure_resends(const struct record *r, unsigned guest);

/* Largest balloon seen. */
uint64_t measure_largest_balloon(const struct record *r, unsigned guest);

/* Most that @guest owned in the window. */
uint64_t measure_owned(const struct record *r, unsigned guest, double from, double to);

/* Least granted size in the window; 0 where there is no sample. */
uint64_t measure_least_granted(const struct record *r, unsigned guest, double from, double to);

/* Seconds in which the daemon had statistics of the guest and did not believe them. */
double measure_distrusted(const struct record *r, unsigned guest);

/* Most of the guest's memory that was out in the window. */
uint64_t measure_out(const struct record *r, unsigned guest, double from, double to);

/* Least resident size of the running guest in the window; UINT64_MAX where there is no sample. */
uint64_t measure_least_resident(const struct record *r, unsigned guest, double from, double to);

/* Most of it. */
uint64_t measure_most_resident(const struct record *r, unsigned guest, double from, double to);

/* Most pages at a time that its pager could not read back. */
uint64_t measure_held_pages(const struct record *r, unsigned guest);

/* What its pager had counted when it was last seen. */
struct pager_sample measure_pager(const struct record *r, unsigned guest);

/* measure-states.c: */

/* Longest time that the guest was at work and neither did an operation nor grew. */
double measure_pause(const struct record *r, unsigned guest);

/* Seconds from @after until the host was in state high; INFINITY: never. */
double measure_recovery(const struct record *r, double after);

/* Seconds from @after until the guests occupied less than capacity less minfree. */
double measure_back_below(const struct record *r, double after);

/* |P - T| / T of one guest, of the means in the window: P resident with compressed pages, T what
 * the daemon held it entitled to. NAN: it was not seen. */
double measure_entitled(const struct record *r, unsigned guest, double from, double to);

/* b: time that a guest was held; f: its part of that of all, by what the daemon says its excess
 * over its target would have earned it (`owed`). */
struct blocked_fairness {
    double seconds; /* all guests together were held */
    double worst;   /* largest |b - f| / f; 0 where nobody was held for more than a second */
};
struct blocked_fairness measure_blocked(const struct record *r);

/* What a guest's part of @seconds would be. */
double measure_blocked_fair(const struct record *r, unsigned guest, double seconds);

/* By how much the resident size of @guest fell from its largest while that of @other grew. */
uint64_t measure_yield(const struct record *r, unsigned guest, unsigned other);

/* Guests that should still run and do. */
unsigned measure_alive(const struct record *r);
