/* SPDX-License-Identifier: Apache-2.0 */
/* The record as a file: CSV for a spreadsheet, JSON for a program. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#include "scenario/record.h"

/* One line for each guest and sample, sizes in bytes. */
bool export_csv(const struct record *r, const char *path, GError **error);

/* {"scenario", "capacity", "period", "samples", "events", "work", "goals"}. */
bool export_json(const struct record *r, const char *path, GError **error);

/* [{"name", "value", "limit", "met": true, false, or null where it can't be simulated}]; owned by
 * the caller. */
struct json_object *export_goals(const struct record *r);
