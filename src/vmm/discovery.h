/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds guests: every socket in a watched directory, and explicit ones. It owns the guests it finds
 * and removes them after VMM_EVENT_GONE.
 */
#pragma once

#include <glib.h>

#include "vmm/vmm.h"

struct discovery;

/* More sockets than this in the directory are reported and left alone. */
#define DISCOVERY_GUESTS_MAX 16384

struct discovery_config {
    const char *directory;     /* watched for *.sock and *.qmp; NULL: none. Need not exist yet */
    const char *const *paths;  /* NULL-ended explicit QMP sockets; NULL: none. Need not exist yet */
    const char *host_root;     /* prefix of /proc and /sys for tests; "" on a real host */
    guint timeout_msec;        /* for an answer of a guest */
    guint stats_period_sec;    /* guest-stats-polling-interval to set; >= 1 */
};

/* @event is called for every guest found. Strings of @config are copied. */
struct discovery *discovery_new(const struct discovery_config *config, vmm_event_fn event,
                                void *data);

/* Adds and drops what @config changes; guests that stay keep their connections. */
void discovery_reconfigure(struct discovery *d, const struct discovery_config *config);

/* Closes all connections without touching any guest. No event is sent. */
void discovery_free(struct discovery *d);
