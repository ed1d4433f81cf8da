/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a simulated run: the summary as JSON, for programs. aerostat-simulate(1) has it. */
#pragma once

#include <json-c/json.h>

#include "sim/case_run.h"

/* Owned by the caller. */
struct json_object *report_json(const struct sim_case *c, const struct manager_ops *manager,
                                unsigned seed, const struct case_result *result);
