/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GLib key file read strictly: it knows the line of every key for messages, refuses the same key
 * or section twice (GLib would take the last silently).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct inifile;

/* No scenario is longer than this. */
#define INIFILE_SIZE_MAX (256u << 10)

struct inifile *inifile_load(const char *path, GError **error);
void inifile_free(struct inifile *ini);

GKeyFile *inifile_keys(const struct inifile *ini);

/* Sets @error to "FILE:LINE: [section] key: MESSAGE"; @key NULL: about the section. Returns false.
 */
bool inifile_fail(const struct inifile *ini, const char *section, const char *key, GError **error,
                  const char *format, ...) G_GNUC_PRINTF(5, 6);
