/* SPDX-License-Identifier: Apache-2.0 */
/* A guest of the API as a line of a trace (aerostat-trace(5)). */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

/* The columns' names, with the end of the line. time, guest and size come first. */
extern const char RECORD_HEADER[];

/* Appends the line of @guest at @time (seconds since 1970). @first: with its settings. False, and
 * nothing is appended, where the daemon does not know the guest well enough yet. */
bool record_row(GString *out, double time, struct json_object *guest, bool first);

/* Appends the line with which @name ends. */
void record_end_row(GString *out, double time, const char *name);
