/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pager_link.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/log.h"

/* The pager's number of the control socket. */
#define CONTROL_FD 3

/* A child that has closed its end is about to end; one that has not after this only does not want
 * to talk any more. */
#define END_WAIT_MSEC 1000

struct pager_link {
    struct pager_link_calls calls;
    void *data;
    int fd; /* -1: closed by the pager */
    pid_t pid;
    guint watch;    /* source id of fd */
    guint child;    /* source id; 0: not our child */
    guint end_wait; /* source id */
};

/* Between fork and exec. A signal to the daemon's terminal or session is none of its business. */
static void detach_child(void *data)
{
    (void)data;
    (void)setsid();
}

/* @control: the child's end of the socket, or -1. */
static bool spawn(char *const *argv, int control, pid_t *pid, GError **error)
{
    const int target = CONTROL_FD;

    return g_spawn_async_with_pipes_and_fds(
        NULL, (const char *const *)argv, NULL,
        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, detach_child, NULL,
        /* stdin_fd= */ -1, /* stdout_fd= */ -1, /* stderr_fd= */ -1, &control, &target,
        control >= 0 ? 1 : 0, pid, NULL, NULL, NULL, error);
}

static void end_with(struct pager_link *link, int status)
{
    g_clear_handle_id(&link->watch, g_source_remove);
    g_clear_handle_id(&link->end_wait, g_source_remove);
    fd_close(&link->fd);
    link->calls.ended(status, link->data); /* may have freed it */
}

static void on_child_end(GPid pid, int status, void *data)
{
    struct pager_link *link = data;

    (void)pid;
    link->child = 0;
    end_with(link, WIFEXITED(status) ? WEXITSTATUS(status) : PAGER_EXIT_UNKNOWN);
}

static gboolean on_end_wait(void *data)
{
    struct pager_link *link = data;

    link->end_wait = 0;
    end_with(link, PAGER_EXIT_UNKNOWN);
    return G_SOURCE_REMOVE;
}

static void on_closed(struct pager_link *link)
{
    link->watch = 0; /* removed by what its function returns */
    fd_close(&link->fd);
    if (link->child)
        link->end_wait = g_timeout_add(END_WAIT_MSEC, on_end_wait, link);
    else
        end_with(link, PAGER_EXIT_UNKNOWN);
}

/* Only these two are about an order. */
static bool has_verb(const struct pager_notice *n)
{
    return n->kind == PAGER_SAYS_DONE || n->kind == PAGER_SAYS_FAILED;
}

static bool notice_sane(struct pager_notice *n, ssize_t length)
{
    g_autofree char *text = NULL;

    if (length != (ssize_t)sizeof(*n) || n->protocol != PAGER_PROTOCOL ||
        n->kind >= PAGER_NOTICE_MAX || (has_verb(n) && n->verb >= PAGER_VERB_MAX))
        return false;
    n->text[sizeof(n->text) - 1] = '\0';
    text = g_utf8_make_valid(n->text, -1);
    for (char *c = text; *c; c++) {
        if (g_ascii_iscntrl(*c))
            *c = '?';
    }
    (void)g_strlcpy(n->text, text, sizeof(n->text));
    return true;
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer data)
{
    struct pager_link *link = data;
    struct pager_notice notice;
    ssize_t n;

    (void)condition;
    n = recv(fd, &notice, sizeof(notice), MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        on_closed(link);
        return G_SOURCE_REMOVE;
    }
    if (notice_sane(&notice, n))
        link->calls.notice(&notice, link->data); /* may have freed the link, and so this source */
    else
        log_warning("pager %d says what makes no sense; is it of another release?", (int)link->pid);
    return G_SOURCE_CONTINUE;
}

static struct pager_link *link_new(int fd, pid_t pid, const struct pager_link_calls *calls,
                                   void *data)
{
    struct pager_link *link = g_new0(struct pager_link, 1);

    *link = (struct pager_link){.calls = *calls, .data = data, .fd = fd, .pid = pid};
    link->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_socket, link);
    return link;
}

struct pager_link *pager_link_start(const struct pager_start *s,
                                    const struct pager_link_calls *calls, void *data,
                                    GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    struct pager_link *link;
    int pair[2];
    pid_t pid;
    bool ok;

    g_ptr_array_add(argv, g_strdup(s->program));
    g_ptr_array_add(argv, g_strdup_printf("--name=%s", s->name));
    g_ptr_array_add(argv, g_strdup_printf("--pid=%d", (int)s->pid));
    g_ptr_array_add(argv, g_strdup_printf("--ram-size=%" G_GUINT64_FORMAT, s->ram_size));
    g_ptr_array_add(argv, g_strdup_printf("--memory-dir=%s", s->memory_directory));
    g_ptr_array_add(argv, g_strdup_printf("--swap-dir=%s", s->swap_directory));
    g_ptr_array_add(argv, g_strdup_printf("--swap-size=%" G_GUINT64_FORMAT, s->swap_size));
    g_ptr_array_add(argv, g_strdup_printf("--cache=%" G_GUINT64_FORMAT, s->cache));
    g_ptr_array_add(argv, g_strdup_printf("--control-fd=%d", CONTROL_FD));
    g_ptr_array_add(argv, g_strdup_printf("--log-level=%u", s->log_level));
    g_ptr_array_add(argv, NULL);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "no socket for its pager: %s", g_strerror(errno));
        return NULL;
    }
    ok = spawn((char *const *)argv->pdata, pair[1], &pid, error);
    (void)close(pair[1]);
    if (!ok) {
        (void)close(pair[0]);
        return NULL;
    }
    link = link_new(pair[0], pid, calls, data);
    link->child = g_child_watch_add(pid, on_child_end, link);
    return link;
}

struct pager_link *pager_link_connect(const char *socket_path, const struct pager_link_calls *calls,
                                      void *data)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);
    autofd fd = -1;

    if (strlen(socket_path) >= sizeof(address.sun_path))
        return NULL;
    (void)g_strlcpy(address.sun_path, socket_path, sizeof(address.sun_path));
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return NULL;
    return link_new(fd_take(&fd), peer.pid, calls, data);
}

static void reap(GPid pid, int status, void *data)
{
    (void)pid;
    (void)status;
    (void)data;
}

void pager_link_free(struct pager_link *link)
{
    if (!link)
        return;
    g_clear_handle_id(&link->watch, g_source_remove);
    g_clear_handle_id(&link->end_wait, g_source_remove);
    if (link->child) {
        g_source_remove(link->child);
        (void)g_child_watch_add(link->pid, reap, NULL);
    }
    fd_close(&link->fd);
    g_free(link);
}

static bool send_whole(struct pager_link *link, const void *datagram, size_t length)
{
    return link->fd >= 0 &&
           send(link->fd, datagram, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

bool pager_link_send(struct pager_link *link, enum pager_verb verb, uint64_t value, uint64_t value2)
{
    struct pager_order order = {
        .protocol = PAGER_PROTOCOL, .verb = verb, .value = value, .value2 = value2};

    return send_whole(link, &order, sizeof(order));
}

bool pager_link_send_cpus(struct pager_link *link, const uint32_t *ids, size_t n)
{
    struct {
        struct pager_order order;
        uint32_t ids[PAGER_CPUS_MAX];
    } datagram = {.order = {.protocol = PAGER_PROTOCOL, .verb = PAGER_CPUS, .value = n}};

    g_assert(n <= PAGER_CPUS_MAX);
    if (n > 0)
        (void)memcpy(datagram.ids, ids, n * sizeof(*ids));
    return send_whole(link, &datagram, pager_order_bytes(&datagram.order));
}

pid_t pager_link_pid(const struct pager_link *link)
{
    return link->pid;
}

void pager_link_kill(struct pager_link *link)
{
    if (link->child || link->fd >= 0) /* else its number may be another's by now */
        (void)kill(link->pid, SIGKILL);
}

bool pager_release_start(const char *program, pid_t guest, int64_t number, GChildWatchFunc done,
                         void *data, GError **error)
{
    g_autofree char *pid = g_strdup_printf("--pid=%d", (int)guest);
    g_autofree char *fd = g_strdup_printf("--fd=%" G_GINT64_FORMAT, number);
    g_autofree char *file = g_strdup(program);
    char *argv[] = {file, (char[]){"--release"}, pid, fd, NULL};
    pid_t child;

    if (!spawn(argv, -1, &child, error))
        return false;
    g_child_watch_add(child, done, data);
    return true;
}
