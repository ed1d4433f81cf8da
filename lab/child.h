/* SPDX-License-Identifier: Apache-2.0 */
/* A program that the lab runs, and that ends with it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* How long child_end() waits for an end in order before it kills. */
#define CHILD_END_MSEC 5000

/* Starts @argv; its output goes to the end of @log. Returns its PID, or -1 and @error. */
pid_t child_start(char *const *argv, const char *log, GError **error);

/* True once it has ended; it is reaped then, and must not be asked again. */
bool child_ended(pid_t pid, int *ret_status);

/* SIGTERM, and SIGKILL if that does not help in time; reaps it. */
void child_end(pid_t pid);

/* SIGKILL; reaps it. */
void child_kill(pid_t pid);
