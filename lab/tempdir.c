/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/tempdir.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "lab/hostknobs.h"
#include "scenario/error.h"

#define PREFIX "aerostat-lab-"
/* Directories that the removal holds open at once. */
#define WALK_DESCRIPTORS 16

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void tempdir_remove(const char *path)
{
    hostswap_off(path);
    if (nftw(path, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        log_warning("%s could not be removed: %s", path, g_strerror(errno));
}

/* "aerostat-lab-PID-XXXXXX" of a process that is no more. A reused PID only puts the removal off.
 */
static bool is_dead(const char *name)
{
    char rest[16];
    int pid;

    return sscanf(name, PREFIX "%d-%15s", &pid, rest) == 2 && pid > 0 && kill(pid, 0) != 0 &&
           errno == ESRCH;
}

static void remove_dead(const char *parent)
{
    g_autoptr(GDir) dir = g_dir_open(parent, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(parent, name, NULL);
        struct stat st;

        if (is_dead(name) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
            tempdir_remove(path);
    }
}

char *tempdir_new(const char *parent, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/" PREFIX "%d-XXXXXX", parent, (int)getpid());

    remove_dead(parent);
    if (!g_mkdtemp_full(path, 0700)) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s could not be made: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&path);
}
