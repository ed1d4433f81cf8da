/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory that holds everything of one run: "aerostat-lab-PID-XXXXXX" below the directory for
 * temporary files. What a killed lab left is recognised by its dead PID and removed by the next
 * one.
 */
#pragma once

#include <glib.h>

/* Removes what dead labs left, then makes a new one, for its owner only. Owned by the caller. */
char *tempdir_new(GError **error);

/* Removes the directory and everything in it. */
void tempdir_remove(const char *path);
