/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's files: pool-N.swapspace in one directory, which they may share with the pagers' swap
 * files. What a daemon that was killed has left is told by whether the kernel uses it. All of it
 * may take long.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Is @path, as /proc/swaps has it, one of the directory's? */
bool swap_files_own(const char *directory, const char *path);

/* Makes a file of @bytes and puts it into use; its path, owned by the caller. NULL and @error, one
 * line: then nothing is left of it. Makes the directory where it is missing. */
char *swap_files_add(const char *directory, uint64_t bytes, GError **error);

/* Takes it out of use and removes it. False and @error, one line: then it is still in use. */
bool swap_files_take_out(const char *path, GError **error);

/* Removes files of ours in @directory that are not in use, by @areas (swap_read): how many. */
unsigned swap_files_remove_stale(const char *directory, const GPtrArray *areas);
