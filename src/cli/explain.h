/* SPDX-License-Identifier: Apache-2.0 */
/* All that is known of a guest, and why it is so: for `explain` and for the window in `top`. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#define EXPLAIN_DECISIONS 8 /* as many of the last ones are shown */

/* Answers of the daemon, borrowed. */
struct explained {
    struct json_object *guest;     /* the API's guest object */
    struct json_object *decisions; /* of /v1/decisions; NULL where it could not be had */
    struct json_object *host;      /* the API's host object; NULL: nothing is said of it */
};

/* Lines (char *, clean, owned). */
GPtrArray *explain_lines(const struct explained *what, bool ascii);
