/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest that stands still may be let go on by who held it, by QEMU's own words (QAPI:
 * RunState, MigrationStatus). */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>

enum qemu_pause {
    QEMU_RUNS,
    QEMU_PAUSED,      /* by a stop; whose it was QEMU does not tell */
    QEMU_IN_PASSING,  /* saved, loaded, switched over: it will be one of the others soon */
    QEMU_OTHER_PAUSE, /* for a reason that cont must not undo */
};

/* @status is the answer to query-status; *name, of @status, is the state's name. */
enum qemu_pause qemu_pause_of(struct json_object *status, const char **name);

/* @migrate is the answer to query-migrate, or NULL: is the guest on its way to another host? */
bool qemu_migrates(struct json_object *migrate);
