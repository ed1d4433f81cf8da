/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a configuration file, each with its place. The format is that of a key file
 * ([section], key = value, whole-line comments with # or ;). GKeyFile is not used, because a wrong
 * line must be named by its number, and because it lets a key that stands twice in one file pass.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define CONFIG_FILE_MAX (1u << 20) /* bytes */

struct config_entry {
    char *file;
    unsigned line;
    char *section;
    char *label; /* of [section "label"], or NULL */
    char *key;   /* NULL: the section's own line */
    char *value;
};

#define CONFIG_ERROR (config_error_quark())
GQuark config_error_quark(void);

/* A list for struct config_entry that owns what is in it. */
GPtrArray *config_entries_new(void);

/* Appends the file's lines to @entries. Errors read "FILE:LINE: what is wrong and what is allowed".
 */
bool config_file_read(const char *path, GPtrArray *entries, GError **error);

/* An error that names the entry's place. */
void config_entry_error(const struct config_entry *entry, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
