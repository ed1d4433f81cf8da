/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's own monitor of a guest (the daemon has the first one): short commands, each waited for.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct monitor;

/* How long one answer may take. */
#define MONITOR_TIMEOUT_MSEC 2000
/* One answer is never longer than this. */
#define MONITOR_LINE_MAX 65536

struct monitor *monitor_open(const char *path, GError **error);
void monitor_close(struct monitor *m);

/* @command without arguments: "stop", "cont". */
bool monitor_execute(struct monitor *m, const char *command, GError **error);

/* Sets the guest-visible size. */
bool monitor_set_balloon(struct monitor *m, uint64_t bytes, GError **error);

/* The guest-visible size now. */
bool monitor_get_balloon(struct monitor *m, uint64_t *ret_bytes, GError **error);
