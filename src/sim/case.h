/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be simulated, whatever it was read from: a scenario of the lab as it is, a scenario
 * with a trace, or a trace alone. Any manager may be put in charge of it (case_run.h).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "scenario/scenario.h"
#include "sim/costs.h"
#include "sim/settings.h"
#include "sim/sim.h"

/* Guests are up and known to the manager when a scenario's clock starts, as in the lab. */
#define CASE_LEAD (5 * USEC_PER_SEC)

/* What happens to the host or to a guest, besides the guests' own work. */
struct case_act {
    usec_t at;
    const struct phase *phase;
    unsigned guest; /* UINT_MAX: to the host */
};

struct sim_case {
    struct scenario *scenario;     /* of a trace alone: one made for it */
    struct sim_guest_spec *guests; /* as many as the scenario has, with their work */
    struct sim_host_spec host;
    struct sim_settings settings;
    struct sim_costs costs;
    GArray *acts;        /* struct case_act, in order of time */
    GPtrArray *warnings; /* char *: what of it can't be simulated, a line each */
    struct trace *trace; /* NULL: none */
};

struct case_options {
    unsigned seed;                 /* of what the scenario leaves to chance */
    uint64_t capacity;             /* 0: the scenario's; a trace alone must have one */
    uint64_t memory;               /* of the host; 0: its capacity */
    usec_t tick;                   /* 0: by the length */
    const struct sim_costs *costs; /* NULL: the defaults */
    char **settings;               /* "SECTION.KEY=VALUE", beyond those of the scenario; or NULL */
};

/* A file that ends in .csv is a trace. NULL: @error (SCENARIO_ERROR_INVALID) names the place. */
struct sim_case *case_load(const char *path, const struct case_options *options, GError **error);
void case_free(struct sim_case *c);

/* Where the clock of the scenario is @t. */
usec_t case_clock(double t);

/* On the simulator's clock. */
usec_t case_end(const struct sim_case *c);

/* What the kernel of guest @guest keeps for itself. */
uint64_t case_base(const struct sim_case *c, unsigned guest);

/* "SECTION.KEY=VALUE"; what means nothing in a simulation is an error. */
bool case_set(struct sim_settings *settings, const char *text, GError **error);
