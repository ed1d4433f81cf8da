/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon as a whole: what it is made of, and its life from the configuration to the end. */
#pragma once

#include <glib.h>

#include "daemon/config.h"
#include "daemon/reconcile.h"
#include "daemon/recorder.h"
#include "daemon/view_json.h"

struct daemon;

/* From the command line; borrowed for the daemon's life. */
struct daemon_options {
    const char *config_path; /* NULL: the default */
    const char *host_root;   /* "" on a real host */
    bool mode_given;         /* @mode counts, whatever the configuration says */
    enum daemon_mode mode;
};

/*
 * Reads the configuration, listens and begins to manage. NULL and @error: CONFIG_ERROR where the
 * configuration is to blame, else LISTEN_ERROR.
 */
struct daemon *daemon_new(const struct daemon_options *options, GError **error);
void daemon_free(struct daemon *d);

/* Re-reads the configuration. False and @error where it is wrong: then the old one stays in force.
 */
bool daemon_reload(struct daemon *d, GError **error);

/* Ends: empties balloons first where the configuration says so; @done is called when it may be
 * freed. */
void daemon_stop(struct daemon *d, GSourceFunc done, void *data);

const struct config *daemon_config(const struct daemon *d);
struct reconcile *daemon_reconcile(const struct daemon *d);
struct recorder *daemon_recorder(const struct daemon *d);
const struct api_stats *daemon_api_stats(const struct daemon *d);
void daemon_status(const struct daemon *d, struct daemon_status *ret);
