/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds guests: every socket in a watched directory, and explicit ones. It owns the guests it finds
 * and removes them after VMM_EVENT_GONE.
 *
 * A guest's process is the one that listens on its socket. Where a proxy stands between, a file
 * SOCKET.pid ("web.sock.pid" beside "web.sock") with a process id tells which one it is: see
 * qemu.h.
 */
#pragma once

#include <glib.h>

#include "vmm/vmm.h"

struct discovery;

/* The directory is read again this often, besides being watched... */
#define DISCOVERY_RESCAN_SEC 2
/* ...and so long after something has appeared in it. */
#define DISCOVERY_SETTLE_MSEC 20
/* More sockets than this in the directory are reported and left alone. */
#define DISCOVERY_GUESTS_MAX 16384

struct discovery_config {
    const char *directory;    /* watched for *.sock and *.qmp; NULL: none. Need not exist yet */
    const char *const *paths; /* NULL-ended explicit QMP sockets; NULL: none. Need not exist yet */
    const char *host_root;    /* prefix of /proc and /sys for tests; "" on a real host */
    guint timeout_msec;       /* for an answer of a guest */
    guint stats_period_sec;   /* guest-stats-polling-interval to set; >= 1 */
};

/* @event is called for every guest found. Strings of @config are copied. */
struct discovery *discovery_new(const struct discovery_config *config, vmm_event_fn event,
                                void *data);

/* True while some guest was found that has neither answered nor failed to yet: there was no event
 * of it. */
bool discovery_unknown(const struct discovery *d);

/* Adds and drops (VMM_EVENT_GONE) what @config changes; guests that stay keep their connections.
 * Not from within an event; @config->host_root is not looked at. */
void discovery_reconfigure(struct discovery *d, const struct discovery_config *config);

/* Closes all connections without touching any guest. No event is sent, but functions that wait for
 * an order's answer are called, with an error. Not from within an event. */
void discovery_free(struct discovery *d);
