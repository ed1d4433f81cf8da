/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection, and what it may do (unix(7), SO_PEERCRED,
 * SO_PEERGROUPS). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* More groups than Linux lets a process have (NGROUPS_MAX) are not looked at. */
#define ACCESS_GROUPS_MAX 65536

/*
 * True where the peer of the UNIX socket @fd may change things: root, the daemon's own user, or a
 * member of the group *@gid (NULL: there is none). Decided by what the peer was when it connected.
 */
bool access_may_write(int fd, const gid_t *gid);
