/* SPDX-License-Identifier: Apache-2.0 */
/* All that is known of a guest, and why it is so: for `explain` and for the window in `top`. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#define EXPLAIN_DECISIONS 8 /* as many of the last ones are shown */

/*
 * Lines (char *, clean, owned) about the API's guest object. @decisions: the answer of
 * /v1/decisions, or NULL where it could not be had.
 */
GPtrArray *explain_lines(struct json_object *guest, struct json_object *decisions, bool ascii);
