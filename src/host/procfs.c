/* SPDX-License-Identifier: Apache-2.0 */
#include "host/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int procfs_read(int dirfd, const char *path, char buf[static PROCFS_TEXT_MAX])
{
    autofd fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t used = 0;

    if (fd < 0)
        return -errno;
    for (;;) {
        ssize_t n = read(fd, buf + used, PROCFS_TEXT_MAX - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        used += (size_t)n;
        if (used == PROCFS_TEXT_MAX)
            return -EFBIG;
    }
    buf[used] = '\0';
    return (int)used;
}

int procfs_read_root(const char *host_root, const char *path, char buf[static PROCFS_TEXT_MAX])
{
    char full[PATH_MAX];

    if ((size_t)snprintf(full, sizeof(full), "%s%s", host_root, path) >= sizeof(full))
        return -ENAMETOOLONG;
    return procfs_read(AT_FDCWD, full, buf);
}

bool procfs_get_kib(const char *text, const char *key, uint64_t *ret_bytes)
{
    size_t len = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        unsigned long long kib;

        line += *line == '\n';
        if (strncmp(line, key, len) != 0 || line[len] != ':')
            continue;
        if (sscanf(line + len + 1, " %llu kB", &kib) != 1 || kib > UINT64_MAX / 1024)
            return false;
        *ret_bytes = (uint64_t)kib * 1024;
        return true;
    }
    return false;
}
