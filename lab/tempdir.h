/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory for one run: "aerostat-lab-PID-XXXXXX". What a killed lab left is recognised by its
 * dead PID and removed by the next one.
 */
#pragma once

#include <glib.h>

/* Removes what dead labs left, then makes a new one in @parent, for its owner only. Owned by the
 * caller. */
char *tempdir_new(const char *parent, GError **error);

/* Removes the directory and everything in it, swap files that are in use too. */
void tempdir_remove(const char *path);
