/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian of held guests: a process that outlives the daemon and lets go on whom it held. See
 * guardian.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Descriptor number of the guardian's pipe. */
#define GUARDIAN_FD 3

/*
 * aerostatd --guardian: waits at GUARDIAN_FD for the daemon's end, then lets go on all that the
 * records in @directory name. Returns an exit status.
 */
int guardian_run(const char *directory, const char *host_root);

/* The daemon's end of it. */
struct guardian;

/* @directory and @host_root are borrowed. Starts nothing yet. */
struct guardian *guardian_new(const char *directory, const char *host_root);

/* Sees to it that one runs; false and @error where none can be started. */
bool guardian_ensure(struct guardian *g, GError **error);

/* Another one, beside it, that begins at once. */
void guardian_send(struct guardian *g);

/* @clean: nobody is held, it just ends. Else it does what it is for. */
void guardian_free(struct guardian *g, bool clean);
