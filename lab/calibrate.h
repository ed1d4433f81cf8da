/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what things cost on this host (sim/costs.h), on real guests: what a guest does by
 * itself (calibrate-guest.c), and what pagers, the kernel's swap and KSM do to it
 * (calibrate-host.c) under the real daemon.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "lab/figures.h"
#include "sim/costs.h"

#define CALIBRATION_COSTS_MAX 32

/* The measurements of each cost, in the order of sim_cost_table(). */
struct calibration {
    struct figure figures[CALIBRATION_COSTS_MAX];
    const char *directory; /* of the run */
    const char *memory;    /* the same on a tmpfs */
};

/* @name: a member of struct sim_costs. */
void calibration_add(struct calibration *c, const char *name, double value);

/* False and @error where a run could not be made; false without @error where a signal ended it. */
bool calibrate_guest(struct calibration *c, GError **error);
bool calibrate_host(struct calibration *c, GError **error);

/* Medians; what could not be measured keeps its default. */
struct sim_costs calibration_costs(const struct calibration *c);

/* All of it; prints each cost with its spread and how it was measured, and writes @path. */
bool calibrate(const char *directory, const char *memory, const char *path, GError **error);
