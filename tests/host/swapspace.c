/* SPDX-License-Identifier: Apache-2.0 */
#include "swapspace.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *missing;

const char *swapspace_missing(void)
{
    return missing;
}

static bool make(const char *path, unsigned mib)
{
    const char *command[] = {"mkswap", "-q", path, NULL};
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), status = 1;
    bool good = fd >= 0 && posix_fallocate(fd, 0, (off_t)mib << 20) == 0;

    if (fd >= 0)
        (void)close(fd);
    return good &&
           g_spawn_sync(NULL, (char **)(void *)command, NULL,
                        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                        &status, NULL) &&
           g_spawn_check_wait_status(status, NULL) && swapon(path, 0) == 0;
}

int swapspace_run(unsigned mib, int (*tests)(void))
{
    g_autofree char *directory = g_strdup("/var/tmp/aerostat-swap-XXXXXX");
    g_autofree char *path = NULL;
    int status = 0;
    pid_t pid;

    if (geteuid() != 0)
        missing = "swap space needs root";
    if (missing || !g_mkdtemp(directory))
        return tests();
    path = g_build_filename(directory, "swap", NULL);
    if (!make(path, mib))
        missing = "no swap space can be had here";
    pid = fork();
    if (pid == 0)
        exit(tests());
    (void)waitpid(pid, &status, 0);
    if (!missing && swapoff(path) != 0)
        g_error("%s stays in use as swap space", path);
    (void)g_unlink(path);
    (void)g_rmdir(directory);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
