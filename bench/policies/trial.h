/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One policy on one scene, measured. Throughput is what the guests' programs got done, divided by
 * what they get done on a host that has memory for all of them (trial_unlimited): a guest that is
 * dead, or waits to be started, does nothing. The first minutes (SCENE_WARM_UP) are not measured,
 * but whoever dies in them counts.
 */
#pragma once

#include "policies/policies.h"
#include "policies/scene.h"

struct trial {
    /* What is to be run: */
    const struct scene *scene;
    const struct manager_ops *policy;
    uint32_t seed;
    const double *unlimited; /* of trial_unlimited, for each guest */

    /* What came of it. Throughput relative to unlimited, of all guests that work: */
    double mean, worst;
    const char *worst_guest;
    double lost; /* part of the time that programs wanted to work, lost waiting for memory */
    unsigned oom_kills, panics, host_kills;
    double below_reservation; /* guest-seconds */
    double fairness; /* Jain's index of memory by shares, of guests that are slow; 1: never two */
    double moved;    /* bytes a second, by balloons and by what was put out and brought in */
    double reaction; /* seconds: how long a guest stays slow, on average */
    double withheld; /* guest-seconds: slow though a tenth of the host is free */
    double over;     /* seconds over the capacity */
    double cpu;      /* of the manager, part of one processor */
};

/* What each guest gets done with all the memory that it wants; owned by the caller. */
double *trial_unlimited(const struct scene *scene, uint32_t seed);

void trial_run(struct trial *t);

/* Prints, for @guest, from @from to @to (seconds), each second: what it had, how fast it was, and
 * the policy's reasons where it gives any. False: there is no such guest. */
bool trial_explain(const struct scene *scene, const struct manager_ops *policy, uint32_t seed,
                   const char *guest, double from, double to);
