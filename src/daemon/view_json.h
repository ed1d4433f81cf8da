/* SPDX-License-Identifier: Apache-2.0 */
/* The API's objects, as docs/api.md has them. What is not known is null. The caller owns the
 * results. */
#pragma once

#include <json-c/json.h>

#include "daemon/config.h"
#include "daemon/guests.h"
#include "daemon/reconcile.h"
#include "daemon/recorder.h"

/* What the daemon knows of itself. */
struct daemon_status {
    double uptime; /* seconds */
    uint64_t events_next;
    const char *host_root; /* "" on a real host */
};

struct json_object *view_host(const struct host_status *host, const struct config *config,
                              const struct daemon_status *daemon);
struct json_object *view_guest(const struct guest *guest, const struct config *config);
struct json_object *view_event(const struct event *event);
struct json_object *view_error(const char *code, const char *message);
