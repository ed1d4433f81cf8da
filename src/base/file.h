/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a program is told to write. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Writes @length bytes (-1: up to the end of @text). What was there is replaced as a whole or not
 * at all; but a device or a pipe, as /dev/stdout, is written to and stays what it is. Errors are
 * those of GLib.
 */
bool file_write(const char *path, const char *text, gssize length, GError **error);
