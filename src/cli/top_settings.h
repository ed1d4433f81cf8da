/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user changes in `top` and may keep: columns and their order, sorting, delay. Kept in
 * $XDG_CONFIG_HOME/aerostat/toprc, a key file with one group:
 *
 *     [top]
 *     columns = name,size,resident
 *     sort = resident
 *     reverse = false
 *     delay = 2
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "cli/columns.h"

#define TOP_DELAY_MIN     0.2 /* seconds */
#define TOP_DELAY_MAX     3600.0
#define TOP_DELAY_DEFAULT 2.0

struct top_settings {
    int order[COLUMNS_MAX];  /* all columns, in the order in which they are shown */
    bool shown[COLUMNS_MAX]; /* by column */
    int sort;                /* a column */
    bool reverse;
    double delay; /* seconds */
};

void top_settings_init(struct top_settings *settings);

/* Shows the @count columns first, in this order, and no others. */
void top_settings_show(struct top_settings *settings, const int *columns, size_t count);

/* The shown columns in order; their number. */
size_t top_settings_shown(const struct top_settings *settings, int ret_columns[static COLUMNS_MAX]);

/* "2", "0.5": seconds within the bounds. */
bool top_delay_parse(const char *text, double *ret_seconds);

/* Where the settings are kept; owned by the caller. */
char *top_settings_path(void);

/*
 * Reads a file that may be absent. False and @error where it is wrong: then @settings are as
 * before.
 */
bool top_settings_load(struct top_settings *settings, const char *path, GError **error);
bool top_settings_save(const struct top_settings *settings, const char *path, GError **error);
