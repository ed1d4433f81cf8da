/* SPDX-License-Identifier: Apache-2.0 */
/* The real daemon, run for one scenario: its configuration, its process, its API. */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#include "scenario/scenario.h"

struct daemonproc;

/*
 * @directory is where its configuration, log, sockets and guests' swap files go; @sockets the
 * directory that it watches for guests; @memory where its pagers keep what outlives them, on a
 * tmpfs (NULL: no pagers). Nothing is started yet.
 */
struct daemonproc *daemonproc_new(const struct scenario *scenario, const char *mode,
                                  const char *directory, const char *sockets, const char *memory);

/* Ends the daemon if it runs. */
void daemonproc_free(struct daemonproc *d);

/* Starts it and waits until its API answers. False with the end of its log in @error. */
bool daemonproc_start(struct daemonproc *d, GError **error);

/* False: it was killed, and not started again. */
bool daemonproc_runs(const struct daemonproc *d);

/* As kill -9 does it. */
void daemonproc_kill(struct daemonproc *d);

/* Changes the configuration and has it read again (if it runs). */
bool daemonproc_set_capacity(struct daemonproc *d, uint64_t capacity, GError **error);

/* The same with a line of it, "SECTION.KEY=VALUE". False where the daemon refuses it. */
bool daemonproc_set(struct daemonproc *d, const char *setting, GError **error);

/* False once it has ended without being asked to. */
bool daemonproc_healthy(struct daemonproc *d);

/* GET @path; NULL where it does not run or does not answer. Owned by the caller. */
struct json_object *daemonproc_get(struct daemonproc *d, const char *path);

/* POST @path, without a body. False where it does not run or refuses; @error has its message. */
bool daemonproc_post(struct daemonproc *d, const char *path, GError **error);

/* The path of a program of the same build tree (src/ROOM/NAME), or of one that is installed beside
 * the lab in the directory @installed. Owned by the caller. */
char *daemonproc_find(const char *room, const char *name, const char *installed);

const char *daemonproc_api(const struct daemonproc *d);
const char *daemonproc_log(const struct daemonproc *d);
