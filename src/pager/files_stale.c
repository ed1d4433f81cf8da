/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing what dead guests have left. Everything happens under the memory directory's lock, so
 * that no pager is between two of its files (files.h). A directory that others can write to is not
 * looked at: names in it prove nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "pager/files.h"

static const char *const memory_suffixes[] = {".map", ".cache", ".sock", NULL};
static const char *const swap_suffixes[] = {".swap", NULL};

/* A stem that files.c could have made. */
static bool stem_plausible(const char *stem)
{
    size_t length = strlen(stem);

    for (const char *c = stem; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    }
    return length > 0 && length <= PAGER_STEM_MAX && *stem != '.';
}

/* Adds to @stems those of the files in @directory that have one of @suffixes. */
static void collect_stems(const char *directory, const char *const *suffixes, GHashTable *stems)
{
    DIR *dir = opendir(directory);

    if (!dir)
        return;
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        for (size_t i = 0; suffixes[i]; i++) {
            g_autofree char *stem = NULL;

            if (!g_str_has_suffix(d->d_name, suffixes[i]))
                continue;
            stem = g_strndup(d->d_name, strlen(d->d_name) - strlen(suffixes[i]));
            if (stem_plausible(stem))
                g_hash_table_add(stems, g_steal_pointer(&stem));
        }
    }
    (void)closedir(dir);
}

static bool directory_ours(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static bool young(const struct stat *st)
{
    gint64 age = g_get_real_time() - (gint64)st->st_ctim.tv_sec * (gint64)USEC_PER_SEC;

    return ABS(age) < (gint64)PAGER_FILES_YOUNG;
}

/* A swap file that a pager uses or is about to use. */
static bool swap_wanted(const char *path, enum pager_files_owner owner)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return false;
    return flock(fd, LOCK_EX | LOCK_NB) < 0 ||
           (owner == PAGER_FILES_NONE && fstat(fd, &st) == 0 && young(&st));
}

/* Removes the file if it is one that we could have made. */
static bool remove_own(const char *path, mode_t type)
{
    struct stat st;

    return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
           unlink(path) == 0;
}

/* True: something was removed. */
static bool remove_stale(const struct pager_files *files, const char *host_root)
{
    enum pager_files_owner owner = pager_files_owner(files, host_root);
    bool removed = false;

    if (owner != PAGER_FILES_NONE && owner != PAGER_FILES_STALE)
        return false;
    if (!swap_wanted(files->swap, owner))
        removed |= remove_own(files->swap, S_IFREG);
    removed |= remove_own(files->cache, S_IFREG);
    removed |= remove_own(files->socket, S_IFSOCK);
    removed |= remove_own(files->map, S_IFREG);
    return removed;
}

unsigned pager_files_remove_stale(const char *memory_directory, const char *swap_directory,
                                  const char *host_root, void (*log)(const char *line, void *data),
                                  void *data)
{
    g_autoptr(GHashTable) stems = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    autofd memory = open(memory_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autofd swap = open(swap_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    GHashTableIter i;
    gpointer stem;
    unsigned n = 0;

    if (memory < 0 || !directory_ours(memory) || flock(memory, LOCK_EX | LOCK_NB) < 0)
        return 0;
    if (swap >= 0 && !directory_ours(swap))
        return 0;
    collect_stems(memory_directory, memory_suffixes, stems);
    collect_stems(swap_directory, swap_suffixes, stems);
    g_hash_table_iter_init(&i, stems);
    while (g_hash_table_iter_next(&i, &stem, NULL)) {
        struct pager_files files = pager_files_of_stem(memory_directory, swap_directory, stem);

        if (remove_stale(&files, host_root)) {
            g_autofree char *line = g_strdup_printf(
                "files of guest %s, which has ended, were left over: removed", (char *)stem);

            log(line, data);
            n++;
        }
        pager_files_clear(&files);
    }
    return n;
}
