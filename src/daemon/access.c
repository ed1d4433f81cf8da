/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/access.h"

#include <errno.h>
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool in_supplementary_groups(int fd, gid_t gid)
{
    g_autofree gid_t *groups = NULL;
    socklen_t size = 0;

    /* Asked with no room, the kernel says how much it takes. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
        return false;
    if (size / sizeof(gid_t) > ACCESS_GROUPS_MAX)
        return false;
    groups = g_malloc(size);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(gid_t); i++) {
        if (groups[i] == gid)
            return true;
    }
    return false;
}

bool access_may_write(int fd, const gid_t *gid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    return gid && (peer.gid == *gid || in_supplementary_groups(fd, *gid));
}
