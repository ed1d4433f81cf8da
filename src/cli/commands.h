/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands, one per file cmd_NAME.c. */
#pragma once

#include "cli/cli.h"

extern const struct command COMMAND_STATUS, COMMAND_TOP, COMMAND_EXPLAIN, COMMAND_SET,
    COMMAND_RELEASE, COMMAND_EVENTS, COMMAND_RELOAD, COMMAND_METRICS, COMMAND_VERSION, COMMAND_HELP,
    COMMAND_COMPLETE;
