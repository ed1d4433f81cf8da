/* SPDX-License-Identifier: Apache-2.0 */
/* A guest of a scenario as the simulator wants it, and a guest of a trace as a scenario has it. */
#pragma once

#include "sim/case.h"
#include "sim/trace.h"

/* All but the name's memory and the work. False: @error. */
bool case_guest_spec(const struct sim_case *c, const struct scenario_guest *g,
                     struct sim_guest_spec *ret, GError **error);

/* What the scenario does not say of a guest is as the trace has it. */
void case_guest_complete(struct scenario_guest *g, const struct sim_guest_spec *traced);
