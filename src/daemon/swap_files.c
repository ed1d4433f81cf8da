/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/swap_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/swap_plan.h"
#include "host/swap.h"
#include "pager/files.h"

#define PREFIX "pool-"
#define SUFFIX ".swapspace"

/* Names that are tried: more than there can be files. */
#define NAMES_MAX (4 * SWAP_FILES_MAX)

bool swap_files_own(const char *directory, const char *path)
{
    size_t length = strlen(directory);

    return g_str_has_prefix(path, directory) && path[length] == '/' &&
           g_str_has_prefix(path + length + 1, PREFIX) && g_str_has_suffix(path, SUFFIX) &&
           !strchr(path + length + 1, '/');
}

/* A name that nothing has, or NULL. */
static char *free_name(const char *directory)
{
    for (unsigned i = 1; i <= NAMES_MAX; i++) {
        g_autofree char *name = g_strdup_printf("%s/" PREFIX "%u" SUFFIX, directory, i);
        struct stat st;

        if (lstat(name, &st) < 0 && errno == ENOENT)
            return g_steal_pointer(&name);
    }
    return NULL;
}

char *swap_files_add(const char *directory, uint64_t bytes, GError **error)
{
    g_autofree char *path = NULL;
    autofd lock = -1; /* until it is in use */

    if (!swap_directory_check(directory, error))
        return NULL;
    path = free_name(directory);
    if (!path) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "%s: all names from " PREFIX "1" SUFFIX
                    " on are taken; remove what is not in use",
                    directory);
        return NULL;
    }
    if (!swap_make(path, bytes, &lock, error))
        return NULL;
    if (!swap_on(path, error)) {
        (void)unlink(path);
        return NULL;
    }
    return g_steal_pointer(&path);
}

bool swap_files_take_out(const char *path, GError **error)
{
    int r = swap_off(path);

    if (r == 0 || r == -EINVAL) { /* not in use (any more) */
        (void)unlink(path);
        return true;
    }
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r), "swap space %s stays in use: %s",
                path, g_strerror(-r));
    return false;
}

static bool in_use(const GPtrArray *areas, const char *path)
{
    for (guint i = 0; i < areas->len; i++) {
        if (strcmp(((const struct swap_area *)areas->pdata[i])->path, path) == 0)
            return true;
    }
    return false;
}

/* One that nobody is about to put into use. */
static bool left_over(const char *path)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           flock(fd, LOCK_EX | LOCK_NB) == 0;
}

unsigned swap_files_remove_stale(const char *directory, const GPtrArray *areas)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;
    unsigned n = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        if (swap_files_own(directory, path) && !in_use(areas, path) && left_over(path) &&
            unlink(path) == 0)
            n++;
    }
    return n;
}
