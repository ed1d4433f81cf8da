/* SPDX-License-Identifier: Apache-2.0 */
/* A new verb is a file cmd_NAME.c and a line here. */
#include "cli/commands.h"

#include <string.h>

const struct command *const COMMANDS[] = {
    &COMMAND_STATUS,
    &COMMAND_TOP,
    &COMMAND_EXPLAIN,
    &COMMAND_SET,
    &COMMAND_RELEASE,
    &COMMAND_PARK,
    &COMMAND_UNPARK,
    &COMMAND_ADMIT,
    &COMMAND_TRANSLATE,
    &COMMAND_EVENTS,
    &COMMAND_RELOAD,
    &COMMAND_METRICS,
    &COMMAND_RECORD,
    &COMMAND_PLAN,
    &COMMAND_SIMULATE,
    &COMMAND_VERSION,
    &COMMAND_HELP,
    &COMMAND_COMPLETE,
    NULL,
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *c = COMMANDS; *c; c++) {
        if (strcmp((*c)->name, name) == 0)
            return *c;
    }
    return NULL;
}
