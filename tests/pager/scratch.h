/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, and its end with all that is in it. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "pager/map.h"

/* @parent: "/dev/shm" for tmpfs, or NULL for a disk's file system (as far as $TMPDIR is one). */
static inline char *scratch_new(const char *parent)
{
    char *directory = g_build_filename(parent ? parent : g_get_tmp_dir(), "aerostat-XXXXXX", NULL);

    g_assert_nonnull(g_mkdtemp(directory));
    return directory;
}

/* Removes the directory and the files in it. */
static inline void scratch_remove(char *directory)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
    g_free(directory);
}

static inline char *scratch_path(const char *directory, const char *name)
{
    return g_build_filename(directory, name, NULL);
}

/* Of a guest with @pages pages, in process @pid. */
static inline struct pagemap_identity scratch_identity(pid_t pid, uint64_t start_time,
                                                       uint64_t pages)
{
    return (struct pagemap_identity){
        .name = "guest",
        .pid = pid,
        .start_time = start_time,
        .ram_start = UINT64_C(0x7f0000000000),
        .ram_size = pages * PAGE_BYTES,
        .memfd_device = 1,
        .memfd_inode = 42,
    };
}
