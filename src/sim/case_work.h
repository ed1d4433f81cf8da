/* SPDX-License-Identifier: Apache-2.0 */
/* How many operations a simulated guest's program has done, and in which phase of its scenario. */
#pragma once

#include "scenario/record.h"
#include "sim/case.h"

struct case_work {
    const struct sim_case *c;
    unsigned guest;      /* of the case */
    unsigned simulated;  /* its number in the simulation */
    double operations;   /* so far */
    unsigned next_phase; /* of the scenario */
    size_t next_step;    /* of its work */
    struct sim_guest_result before;
};

/* After a step of @dt seconds: counts, and notes in @phases (struct work_phase) what has begun and
 * ended. */
void case_work_follow(struct case_work *w, const struct sim *s, double dt, GArray *phases);

/* Its work ends now. */
void case_work_end(struct case_work *w, const struct sim *s, GArray *phases);

/* Sets the alone rates of @record by running each guest of @c alone. */
void case_work_alone(const struct sim_case *c, unsigned seed, struct record *record);
