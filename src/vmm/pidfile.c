/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/pidfile.h"

#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

pid_t pidfile_read(const char *socket_path)
{
    g_autofree char *path = g_strconcat(socket_path, ".pid", NULL);
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char text[16] = "", *end;
    struct stat st;
    long pid;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    if (read(fd, text, sizeof(text) - 1) <= 0)
        return 0;
    pid = strtol(text, &end, 10);
    return end != text && (*end == '\0' || *end == '\n') && pid > 0 && pid <= INT_MAX ? (pid_t)pid
                                                                                      : 0;
}
