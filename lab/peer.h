/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another manager in the daemon's place: any command, run by the shell once the guests are up, and
 * ended with all that it has started. It finds in its environment
 *
 *   AEROSTAT_LAB_GUESTS    the directory of the guests' QMP sockets, NAME.sock and NAME.spare
 *   AEROSTAT_LAB_CAPACITY  bytes that the guests may occupy together, at the beginning
 *
 * What it says goes to manager.log in the run's directory.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct peer;

struct peer *peer_start(const char *command, const char *directory, const char *sockets,
                        uint64_t capacity, GError **error);
void peer_end(struct peer *p);

/* False with the end of its log in @error once it has ended by itself. */
bool peer_healthy(struct peer *p, GError **error);
