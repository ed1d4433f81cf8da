/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One simulated run of a case, recorded as aerostat-lab records a real one: what judges, draws and
 * exports records (src/scenario) needs to know no difference.
 */
#pragma once

#include "scenario/record.h"
#include "sim/case.h"
#include "sim/manager.h"

struct case_result {
    struct record *record;
    struct sim_guest_result *guests; /* as many as the scenario has */
    struct sim_host_result host;
};

/* @alone: also run each guest that works by itself on a host that lacks nothing, to compare with.
 */
void case_run(const struct sim_case *c, const struct manager_ops *manager, unsigned seed,
              bool alone, struct case_result *ret);
void case_result_clear(struct case_result *result);

/* Work done relative to the same guest with unlimited memory: to its run alone where there was one,
 * else to what its programs wanted. NAN: it had nothing to do. */
double case_relative(const struct case_result *result, unsigned guest);
