/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/qmp_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "vmm/qmp.h"

int qmp_socket_connect(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd fd = -1;

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_CONNECT, "socket path has more than %zu bytes",
                    sizeof(address.sun_path) - 1);
        return -1;
    }
    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd_take(&fd);
    if (fd >= 0 && errno == EAGAIN)
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_CONNECT,
                            "the monitor takes no connection: other clients hold it or wait for "
                            "it; give QEMU a second -qmp socket for Aerostat");
    else
        g_set_error(error, QMP_ERROR, QMP_ERROR_CONNECT, "can't connect: %s", g_strerror(errno));
    return -1;
}

pid_t qmp_socket_peer(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.pid > 0 ? cred.pid : 0;
}
