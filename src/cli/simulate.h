/* SPDX-License-Identifier: Apache-2.0 */
/* What `simulate` tells people of a run. */
#pragma once

#include "sim/case_run.h"

/* Host, guests, and what was done when; the goals are judge_all()'s. */
void simulate_print(const struct sim_case *c, const struct manager_ops *manager, unsigned seed,
                    const struct case_result *result);

/* Of several runs that differ in their seeds: what the guests' work was, and which goals were
 * missed how often. */
void simulate_print_runs(const struct sim_case *c, const struct case_result *results,
                         unsigned count);
