/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket is there as soon as QEMU is, long before the guest program: the link is ready from the
 * program's hello on.
 *
 * A report may have been under way when an order was sent. The program therefore counts the lines
 * it received on this connection, and until that count has caught up the guest is busy, whatever
 * the report says.
 */
#include "lab/agent.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "lab/agent-report.h"

#define RETRY_MSEC 100
#define IN_MAX     8192  /* longest line of the guest; a longer one is skipped */
#define OUT_MAX    65536 /* orders that the guest has not taken yet */

struct agent {
    char *path;
    agent_report_fn report;
    void *data;
    int fd;          /* -1: not connected */
    guint in, out;   /* sources of the connection; 0: none */
    guint retry;     /* timer while there is no connection */
    bool ready;      /* has said hello */
    bool skipping;   /* in a line that is too long */
    bool complained; /* about an invalid line: once a connection */
    uint64_t sent;   /* orders on this connection */
    struct agent_report last;
    GString *pending; /* orders not yet written, at most OUT_MAX */
    size_t length;    /* of what is in @line */
    char line[IN_MAX];
};

static gboolean try_connect(gpointer data);

static void clear_source(guint *source)
{
    if (*source)
        (void)g_source_remove(*source);
    *source = 0;
}

static void disconnect(struct agent *agent)
{
    clear_source(&agent->in);
    clear_source(&agent->out);
    fd_close(&agent->fd);
    g_string_truncate(agent->pending, 0);
    agent->ready = agent->skipping = agent->complained = false;
    agent->sent = agent->length = 0;
}

static void lose(struct agent *agent)
{
    disconnect(agent);
    if (!agent->retry)
        agent->retry = g_timeout_add(RETRY_MSEC, try_connect, agent);
}

static void complain(struct agent *agent, const char *what)
{
    if (!agent->complained)
        log_warning("%s: the guest program sends %s; ignored", agent->path, what);
    agent->complained = true;
}

static void take_line(struct agent *agent, const char *line, size_t len)
{
    uint64_t orders;

    switch (report_parse(line, len, &agent->last, &orders)) {
    case REPORT_LINE_HELLO:
        agent->ready = true;
        break;
    case REPORT_LINE_REPORT:
        agent->last.received = g_get_monotonic_time();
        agent->last.busy = agent->last.busy || orders < agent->sent;
        if (agent->report)
            agent->report(agent, &agent->last, agent->data);
        break;
    case REPORT_LINE_INVALID:
        complain(agent, "what is neither a hello nor a report");
        break;
    }
}

static void take_lines(struct agent *agent)
{
    char *line = agent->line, *rest = agent->line + agent->length, *end;

    for (; (end = memchr(line, '\n', (size_t)(rest - line))); line = end + 1) {
        if (!agent->skipping)
            take_line(agent, line, (size_t)(end - line));
        agent->skipping = false;
    }
    agent->length = (size_t)(rest - line);
    memmove(agent->line, line, agent->length);
    if (agent->length < sizeof(agent->line))
        return;
    complain(agent, "a line without an end");
    agent->skipping = true;
    agent->length = 0;
}

static gboolean on_readable(gint fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    struct agent *agent = data;
    ssize_t got = read(fd, agent->line + agent->length, sizeof(agent->line) - agent->length);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (got <= 0) {
        agent->in = 0; /* is removed by the return */
        lose(agent);
        return G_SOURCE_REMOVE;
    }
    agent->length += (size_t)got;
    take_lines(agent);
    return G_SOURCE_CONTINUE;
}

/* Writes what it can. A broken link is noticed, and dealt with, where it is read. */
static void write_pending(struct agent *agent)
{
    ssize_t put;

    do {
        put = send(agent->fd, agent->pending->str, agent->pending->len, MSG_NOSIGNAL);
        if (put > 0)
            g_string_erase(agent->pending, 0, put);
    } while (agent->pending->len && (put > 0 || errno == EINTR));
    if (put < 0 && errno != EAGAIN)
        g_string_truncate(agent->pending, 0);
}

static gboolean on_writable(G_GNUC_UNUSED gint fd, G_GNUC_UNUSED GIOCondition condition,
                            gpointer data)
{
    struct agent *agent = data;

    write_pending(agent);
    if (agent->pending->len)
        return G_SOURCE_CONTINUE;
    agent->out = 0;
    return G_SOURCE_REMOVE;
}

static gboolean try_connect(gpointer data)
{
    struct agent *agent = data;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)g_strlcpy(address.sun_path, agent->path, sizeof(address.sun_path));
    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (agent->fd < 0 || connect(agent->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fd_close(&agent->fd);
        return G_SOURCE_CONTINUE;
    }
    agent->retry = 0;
    agent->in = g_unix_fd_add(agent->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, agent);
    return G_SOURCE_REMOVE;
}

struct agent *agent_new(const char *path, agent_report_fn report, void *data)
{
    struct agent *agent = g_new0(struct agent, 1);

    agent->path = g_strdup(path);
    agent->report = report;
    agent->data = data;
    agent->fd = -1;
    agent->pending = g_string_new(NULL);
    agent->retry = g_timeout_add(RETRY_MSEC, try_connect, agent);
    return agent;
}

void agent_free(struct agent *agent)
{
    if (!agent)
        return;
    disconnect(agent);
    clear_source(&agent->retry);
    (void)g_string_free(agent->pending, TRUE);
    g_free(agent->path);
    g_free(agent);
}

bool agent_ready(const struct agent *agent)
{
    return agent->ready;
}

const struct agent_report *agent_last(const struct agent *agent)
{
    return &agent->last;
}

bool agent_order(struct agent *agent, const char *json)
{
    if (!agent->ready || agent->pending->len + strlen(json) + 1 > OUT_MAX)
        return false;
    g_string_append(agent->pending, json);
    g_string_append_c(agent->pending, '\n');
    agent->sent++;
    agent->last.busy = true;
    write_pending(agent);
    if (agent->pending->len && !agent->out)
        agent->out = g_unix_fd_add(agent->fd, G_IO_OUT, on_writable, agent);
    return true;
}
