/* SPDX-License-Identifier: Apache-2.0 */
/* The orders that a scenario gives to a guest's program (guest/PROTOCOL.md), as simulated work. */
#pragma once

#include "scenario/scenario.h"
#include "sim/costs.h"
#include "sim/work.h"

/* @offset: where the scenario's clock is 0 on the simulator's. @ret: work_clear() it. */
void work_of_scenario(const struct scenario_guest *guest, const struct sim_costs *costs,
                      usec_t offset, struct work *ret);
