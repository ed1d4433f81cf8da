/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * The process id in the file SOCKET.pid, or 0 where there is none, or none to be trusted: it must
 * be a regular file of root's or our own that nobody else may write.
 */
pid_t pidfile_read(const char *socket_path);
