/* SPDX-License-Identifier: Apache-2.0 */
/* A plan for people, and for programs. */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include "sim/plan.h"

/* What an interval of the seeds is to hold the median with. */
#define PLAN_CONFIDENCE 0.9

void plan_show(const struct plan_question *q, const struct plan *p, GString *out);
struct json_object *plan_to_json(const struct plan_question *q, const struct plan *p);
