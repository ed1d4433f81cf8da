/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LISTEN_BACKLOG   64
#define LOCK_RETRY_USEC  10000
#define DIRECTORY_ACCESS 0755

GQuark listen_error_quark(void)
{
    return g_quark_from_static_string("aerostat-listen-error");
}

#define fail(error, code, ...) g_set_error(error, LISTEN_ERROR, code, __VA_ARGS__)

/*
 * Two daemons that start at once must not both find the same dead socket and each remove the
 * other's new one: who looks and binds holds a lock on the directory meanwhile. Returns its
 * descriptor.
 */
static int lock_directory(const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    gint64 end = g_get_monotonic_time() + LISTEN_LOCK_WAIT_MSEC * 1000;
    autofd fd = -1;

    if (g_mkdir_with_parents(directory, DIRECTORY_ACCESS) < 0) {
        fail(error, LISTEN_ERROR_FAILED, "%s can't be made: %s", directory, g_strerror(errno));
        return -1;
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fail(error, LISTEN_ERROR_FAILED, "%s: %s", directory, g_strerror(errno));
        return -1;
    }
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || g_get_monotonic_time() > end) {
            fail(error, LISTEN_ERROR_FAILED, "%s can't be locked: %s", directory,
                 g_strerror(errno));
            return -1;
        }
        g_usleep(LOCK_RETRY_USEC);
    }
    return fd_take(&fd);
}

/* True where the path is free now. */
static bool remove_dead(const char *path, const struct sockaddr_un *address, GError **error)
{
    struct stat st;
    autofd probe = -1;

    if (lstat(path, &st) < 0) {
        if (errno == ENOENT)
            return true;
        fail(error, LISTEN_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
        return false;
    }
    if (!S_ISSOCK(st.st_mode)) {
        fail(error, LISTEN_ERROR_FAILED,
             "%s is in the way and no socket; remove it, or set [api] socket to another path",
             path);
        return false;
    }
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe >= 0 && connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
        errno == ECONNREFUSED)
        return unlink(path) == 0;
    fail(error, LISTEN_ERROR_IN_USE,
         "another aerostatd is already listening on %s; end it first, or set [api] socket to "
         "another "
         "path",
         path);
    return false;
}

bool listen_set_access(const char *path, unsigned access, const gid_t *gid, GError **error)
{
    gid_t group = gid ? *gid : getegid();

    if (chown(path, (uid_t)-1, group) < 0) {
        fail(error, LISTEN_ERROR_FAILED, "%s can't be given to group %u: %s", path, group,
             g_strerror(errno));
        return false;
    }
    if (chmod(path, access) < 0) {
        fail(error, LISTEN_ERROR_FAILED, "%s can't be given the permissions %04o: %s", path, access,
             g_strerror(errno));
        return false;
    }
    return true;
}

int listen_open(const char *path, unsigned access, const gid_t *gid, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd lock = -1;
    autofd fd = -1;

    if (strlen(path) >= sizeof(address.sun_path)) {
        fail(error, LISTEN_ERROR_FAILED,
             "%s is longer than the %zu bytes that a socket's path may have", path,
             sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    lock = lock_directory(path, error);
    if (lock < 0 || !remove_dead(path, &address, error))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fail(error, LISTEN_ERROR_FAILED, "%s can't be bound: %s", path, g_strerror(errno));
        return -1;
    }
    /* Before it listens nobody can connect: there is no moment with wrong permissions. */
    if (!listen_set_access(path, access, gid, error)) {
        (void)unlink(path);
        return -1;
    }
    if (listen(fd, LISTEN_BACKLOG) < 0) {
        fail(error, LISTEN_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
        (void)unlink(path);
        return -1;
    }
    return fd_take(&fd);
}
