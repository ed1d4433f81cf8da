/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        int error = -errno;

        (void)close(fd);
        return error;
    }
    return fd;
}

int link_open(struct link *link, const char *path)
{
    struct stat status;

    memset(link, 0, sizeof(*link));
    link->fd = -1;
    if (stat(path, &status) < 0)
        return -errno;
    link->socket = S_ISSOCK(status.st_mode);
    if (link->socket)
        link->fd = connect_socket(path);
    else
        link->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (link->fd < 0)
        return link->socket ? link->fd : -errno;
    return 0;
}

void link_close(struct link *link)
{
    if (link->fd >= 0)
        (void)close(link->fd);
    link->fd = -1;
}

static void take_lines(struct link *link, link_line_fn take, void *data)
{
    char *line = link->in, *rest = link->in + link->in_length, *end;

    for (; (end = memchr(line, '\n', (size_t)(rest - line))); line = end + 1) {
        if (!link->skipping)
            take(data, line, (size_t)(end - line));
        link->skipping = false;
    }
    link->in_length = (size_t)(rest - line);
    memmove(link->in, line, link->in_length);
    if (link->in_length < sizeof(link->in))
        return;
    if (!link->skipping)
        take(data, NULL, 0);
    link->skipping = true;
    link->in_length = 0;
}

static void forget(struct link *link)
{
    link->skipping = false;
    link->in_length = link->out_length = 0;
}

bool link_read(struct link *link, link_line_fn take, void *data)
{
    ssize_t got = read(link->fd, link->in + link->in_length, sizeof(link->in) - link->in_length);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (got <= 0) {
        forget(link);
        return false;
    }
    link->in_length += (size_t)got;
    take_lines(link, take, data);
    return true;
}

/* True where nothing is left. */
static bool flush(struct link *link)
{
    while (link->out_length > 0) {
        ssize_t put = write(link->fd, link->out, link->out_length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        link->out_length -= (size_t)put;
        memmove(link->out, link->out + put, link->out_length);
    }
    return true;
}

bool link_write(struct link *link, const char *line, size_t len)
{
    if (len > sizeof(link->out) || !flush(link))
        return false;
    memcpy(link->out, line, len);
    link->out_length = len;
    if (flush(link) || link->out_length < len)
        return true;
    link->out_length = 0;
    return false;
}
