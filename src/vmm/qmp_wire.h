/* SPDX-License-Identifier: Apache-2.0 */
/* QMP's documents (QEMU docs/interop/qmp-spec). */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdint.h>

/* A command as it is sent, owned by the caller. @args (NULL: none) are taken over. */
char *qmp_wire_command(const char *command, struct json_object *args, uint64_t id);

/* The error that an answer without "return" tells, in the domain QMP_ERROR; owned by the caller. */
GError *qmp_wire_error(struct json_object *answer);
