/* SPDX-License-Identifier: Apache-2.0 */
/* All trials of a bench: each policy on each scene with each seed, over all processors. */
#pragma once

#include <glib.h>

#include "policies/trial.h"

struct runs {
    GPtrArray *scenes;   /* struct scene, owned: as they were varied */
    GPtrArray *policies; /* const struct manager_ops */
    GArray *trials;      /* struct trial: for each scene, one of each policy in order */
};

struct runs_selection {
    const char *directory; /* with the scenarios; its own where NULL */
    unsigned class;        /* 0: all */
    const char *scene;     /* NULL: all; else those whose name begins so */
    const char *policy;    /* NULL: all; else this one */
    unsigned seeds;        /* so many variants of each scenario and so many fleets */
    bool swap_only;        /* leave out the variants without swap of the guests' own */
};

/* NULL: @error. Nothing is run yet. */
struct runs *runs_new(const struct runs_selection *selection, GError **error);
void runs_free(struct runs *runs);

/* @progress: dots to stderr. */
void runs_perform(struct runs *runs, bool progress);

static inline const struct trial *runs_trial(const struct runs *runs, unsigned scene,
                                             unsigned policy)
{
    return &g_array_index(runs->trials, struct trial, scene * runs->policies->len + policy);
}

/* Place of @policy among those that run, or -1. */
int runs_policy(const struct runs *runs, const struct manager_ops *policy);
