/* SPDX-License-Identifier: Apache-2.0 */
/* Of the plan*.c files. */
#pragma once

#include "sim/plan.h"

/* Length of what is judged at a time. */
#define PLAN_MINUTE (60 * USEC_PER_SEC)

/* --- plan_alone.c: guests with memory for all --- */

/*
 * What the guests of one seed do when nobody takes memory from them. Simulated when first asked
 * for, in blocks of guests, so that it does not depend on who asks. May be used from several
 * threads.
 */
struct plan_alone;

struct plan_alone *plan_alone_new(const struct plan_question *q, uint32_t seed);
void plan_alone_free(struct plan_alone *a);

/* What guest @i did in each minute (seconds of full speed), and its OOM kills; valid as long as @a.
 */
struct plan_alone_guest {
    const float *done;
    double minutes; /* in which it worked */
    unsigned oom_kills;
};
void plan_alone_look(struct plan_alone *a, unsigned i, struct plan_alone_guest *ret);

/* Less than this, in seconds of work, is no guest-minute. */
#define PLAN_WORK_MIN 0.01

unsigned plan_minutes(const struct plan_question *q);

/* The host of a question, with costs and tick. */
struct sim_config plan_host(const struct plan_question *q, uint64_t capacity, uint32_t seed);

/* --- plan_trial.c --- */

struct plan_setup {
    const struct plan_question *question;
    struct plan_alone *alone;
    enum plan_means means;
    uint32_t seed;
};

/* @to_the_end: also where it can't fit any more. Returns the guest-days that it took. */
double plan_try(const struct plan_setup *setup, unsigned guests, bool to_the_end,
                struct plan_trial *ret);

/* --- plan_search.c --- */

struct plan_border {
    unsigned fits;
    struct plan_trial beyond; /* the next that was tried and did not fit */
    double simulated_days;
};

/* @factor: by which the number changes until the border is between two. */
void plan_search(const struct plan_setup *setup, unsigned guess, double factor,
                 struct plan_border *ret);
