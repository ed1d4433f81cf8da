/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choices of columns that answer one question each, for `top` (keys 1 to 5, v) and its --view. The
 * first is the user's own.
 */
#pragma once

#include "cli/columns.h"

struct view {
    const char *name;    /* on the command line, and in the title */
    const char *columns; /* as columns_parse takes them; NULL: those of the settings */
    const char *help;
};

enum {
    VIEW_MEMORY,
    VIEW_PAGING,
    VIEW_HEALTH,
    VIEW_SHARING,
    VIEW_GUEST,
    VIEWS,
};
extern const struct view VIEW_TABLE[VIEWS];

/* By its name; -1: there is none. */
int view_find(const char *name);

/* The columns of one that is not VIEW_MEMORY; their number. */
size_t view_columns(int view, int ret_columns[static COLUMNS_MAX]);
