/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of /proc: read at once and whole, and looked up by key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than any of the files that are read with it; more is an error, never a cut text. */
#define PROCFS_TEXT_MAX 16384

/* Reads @path, relative to the directory @dirfd, as a string. Returns its length or -errno; -EFBIG
 * where it does not fit, -ESRCH where the process of @dirfd has ended. */
int procfs_read(int dirfd, const char *path, char buf[static PROCFS_TEXT_MAX]);

/* The file PATH below @host_root ("" on a real host), as procfs_read. */
int procfs_read_root(const char *host_root, const char *path, char buf[static PROCFS_TEXT_MAX]);

/* Finds the line "KEY:   N kB" of a text in /proc's table format. False where there is none. */
bool procfs_get_kib(const char *text, const char *key, uint64_t *ret_bytes);
