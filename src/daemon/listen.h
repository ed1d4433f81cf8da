/* SPDX-License-Identifier: Apache-2.0 */
/* The API's listening UNIX socket: one daemon per path, and a dead daemon's socket is no obstacle.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Another daemon that starts at the same moment is waited for this long. */
#define LISTEN_LOCK_WAIT_MSEC 1000

enum listen_error {
    LISTEN_ERROR_IN_USE, /* somebody listens there */
    LISTEN_ERROR_FAILED,
};

#define LISTEN_ERROR (listen_error_quark())
GQuark listen_error_quark(void);

/*
 * Binds and listens at @path (its directory is made where it is missing), with the permission bits
 * @access and the group *@gid (NULL: the daemon's own). A socket file at which nobody listens is
 * replaced; any other file is left alone. Returns a non-blocking descriptor, or -1 and @error.
 */
int listen_open(const char *path, unsigned access, const gid_t *gid, GError **error);

/* Permission bits and group, anew. */
bool listen_set_access(const char *path, unsigned access, const gid_t *gid, GError **error);
