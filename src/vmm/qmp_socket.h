/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* A non-blocking connection to the UNIX socket @path, or -1 and an @error of the domain QMP_ERROR.
 */
int qmp_socket_connect(const char *path, GError **error);

/* The process that listens at the other end; 0: not known. */
pid_t qmp_socket_peer(int fd);
