/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many guests of a fleet fit a host: the simulator, asked again and again.
 *
 * The measure. A guest-minute is one minute of one guest in which it would have worked with all its
 * memory. It is slow where the guest did less than (1 - limit) of what it does alone on a host with
 * memory for all. N guests fit where no more than (1 - percentile) of all guest-minutes are slow
 * and nobody is killed who is not killed alone, too. The time in which the guests start is not
 * counted.
 *
 * The search. Guests i of a seed are the same in every fleet (fleet.h), so that N + 1 guests are N
 * and one more. From a guess the number goes up or down by a factor until one is found that fits
 * and one that does not, then the middle is tried, to one in a hundred. Whether N fits is not
 * strictly monotonous in N, so that what is found is a border, within the noise the only one.
 * Guests that have all their memory fit by definition: the search never goes below.
 *
 * Confidence. Each seed draws another fleet and has another border; the seeds' borders are a
 * sample. The interval is one of its order statistics: it holds the median of all such fleets with
 * the probability given, whatever the distribution is. It says nothing about how well the
 * description, or the simulator, is true.
 */
#pragma once

#include "sim/fleet.h"

#define PLAN_SEEDS_MAX   64u
#define PLAN_JOBS_MAX    256u
#define PLAN_POINTS      8u /* of the sweep */
#define PLAN_SWEEP_SEEDS 3u

/* What the host may do, as more and more. Memory is private where its kernel alone could swap it,
 * shared (memfd) where a pager is. */
enum plan_means {
    PLAN_DESCRIBED, /* all that the description allows each kind */
    PLAN_BALLOON,
    PLAN_SHARING,     /* balloon, and equal pages merged */
    PLAN_SWAPPING,    /* balloon, and pagers without a cache */
    PLAN_COMPRESSION, /* and with one */
    PLAN_MEANS_MAX,
};

const char *plan_means_name(enum plan_means m);

/* What a guest lost its time by. */
enum plan_cause {
    PLAN_BY_GUEST_SWAP,
    PLAN_BY_FILES,
    PLAN_BY_HOST_SWAP,
    PLAN_BY_BLOCKED,
    PLAN_BY_CPU,
    PLAN_CAUSE_MAX,
};

const char *plan_cause_text(enum plan_cause c); /* "by waiting for ..." */

struct plan_question {
    const struct fleet *fleet;
    struct sim_costs costs;
    uint64_t capacity; /* that guests may occupy */
    double slowdown;   /* (0, 1) */
    double percentile; /* (0, 1): part of the guest-minutes that may not be slower */
    unsigned seeds, days, jobs;
    uint32_t first_seed;
    bool means; /* the search for each means, besides the described ones */
    bool sweep;
};

/* What was slow first, and why. */
struct plan_bottleneck {
    bool any;
    unsigned kind;
    double part;   /* of all slow guest-minutes */
    unsigned hour; /* of the day in which most of them were */
    enum plan_cause cause;
};

/* A host with so many guests. */
struct plan_trial {
    unsigned guests;
    uint64_t sizes; /* in sum */
    bool fits;
    bool ended_early;     /* it could not fit any more; what follows is of the time until then */
    double minutes, slow; /* guest-minutes */
    double mean, worst;   /* slowdown of all guests together, and of the worst one */
    double at_percentile; /* slowdown of a guest-minute at the percentile */
    double lost[PLAN_CAUSE_MAX]; /* seconds of all guests */
    double state_part[HOST_STATE_MAX];
    unsigned oom_kills, kills; /* in guests beyond those alone; by the host */
    struct plan_bottleneck bottleneck;
};

struct plan_answer {
    unsigned guests[PLAN_SEEDS_MAX]; /* in order of size */
    unsigned n;
    double simulated_days;    /* guest-days */
    struct plan_trial beyond; /* the smallest that did not fit, of the first seed; guests 0: none */
};

/* Of an even number of seeds the lower one of the two in the middle. */
unsigned plan_answer_median(const struct plan_answer *a);

/* Order statistics around the median that hold it with a probability of at least @wanted: their
 * places from 0, and the probability. False: with so few seeds there are none. */
bool plan_answer_interval(const struct plan_answer *a, double wanted, unsigned *ret_low,
                          unsigned *ret_high, double *ret_probability);

struct plan {
    unsigned without; /* that fit with all their memory; median of the seeds */
    double minutes;   /* judged of each guest, at most */
    struct plan_answer answers[PLAN_MEANS_MAX]; /* n 0: not asked for */
    struct plan_trial sweep[PLAN_POINTS];       /* means of the seeds; slowdowns: the worst */
    unsigned sweep_points, sweep_seeds;
};

/* Takes long. Of the same question the same answer, whatever the number of jobs. */
struct plan *plan_make(const struct plan_question *q);
void plan_free(struct plan *p);

/* Guests that fit with all their memory. */
unsigned plan_without(const struct plan_question *q, uint32_t seed);

/* Sum of the sizes of so many guests, as a part of the capacity. */
double plan_overcommit(const struct plan_question *q, unsigned guests);

/* Guests beyond those that fit, with what becomes slow: of the sweep, or what the search saw. NULL:
 * nothing does. */
const struct plan_trial *plan_breaks(const struct plan_question *q, const struct plan *p);

/* The sweep as a picture: slowdown, time lost and states over the number of guests; owned by the
 * caller. */
char *plan_plot(const struct plan_question *q, const struct plan *p);
