/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "scenario/error.h"

/* Events between a command and its answer; more means that none comes. */
#define EVENTS_MAX 64

struct monitor {
    char *path;
    FILE *stream; /* to read from; what is written goes past its buffer */
};

static bool trouble(const struct monitor *m, const char *what, GError **error)
{
    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s: %s", m->path, what);
    return false;
}

/* The answer's "return" (owned by the caller), events left out. */
static struct json_object *read_return(struct monitor *m, GError **error)
{
    g_autofree char *line = g_malloc(MONITOR_LINE_MAX);

    for (int i = 0; i < EVENTS_MAX; i++) {
        struct json_object *result;

        if (!fgets(line, MONITOR_LINE_MAX, m->stream))
            break;

        autojson answer = json_parse(line, strlen(line), NULL);

        if (answer && json_object_object_get_ex(answer, "return", &result))
            return json_object_get(result);
        if (answer && json_get_object(answer, "error")) {
            trouble(m, line, error);
            return NULL;
        }
    }
    trouble(m, "QEMU does not answer", error);
    return NULL;
}

static struct json_object *ask(struct monitor *m, const char *command, GError **error)
{
    ssize_t len = (ssize_t)strlen(command);

    if (send(fileno(m->stream), command, (size_t)len, MSG_NOSIGNAL) != len) {
        trouble(m, g_strerror(errno), error);
        return NULL;
    }
    return read_return(m, error);
}

bool monitor_execute(struct monitor *m, const char *command, GError **error)
{
    g_autofree char *text = g_strdup_printf("{\"execute\": \"%s\"}", command);
    autojson result = ask(m, text, error);

    return result != NULL;
}

bool monitor_set_balloon(struct monitor *m, uint64_t bytes, GError **error)
{
    g_autofree char *text = g_strdup_printf(
        "{\"execute\": \"balloon\", \"arguments\": {\"value\": %" G_GUINT64_FORMAT "}}",
        (guint64)bytes);
    autojson result = ask(m, text, error);

    return result != NULL;
}

bool monitor_get_balloon(struct monitor *m, uint64_t *ret_bytes, GError **error)
{
    autojson result = ask(m, "{\"execute\": \"query-balloon\"}", error);

    if (!result)
        return false;
    return json_get_u64(result, "actual", ret_bytes) || trouble(m, "an odd answer", error);
}

static int connect_to(const char *path)
{
    const struct timeval timeout = {.tv_sec = MONITOR_TIMEOUT_MSEC / 1000};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 ||
        g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return fd_take(&fd);
}

struct monitor *monitor_open(const char *path, GError **error)
{
    struct monitor *m = g_new0(struct monitor, 1);
    autofd fd = connect_to(path);

    m->path = g_strdup(path);
    m->stream = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (m->stream)
        (void)fd_take(&fd);
    /* The greeting is no answer and is passed over as the events are. */
    if (!m->stream)
        trouble(m, g_strerror(errno), error);
    else if (monitor_execute(m, "qmp_capabilities", error))
        return m;
    monitor_close(m);
    return NULL;
}

void monitor_close(struct monitor *m)
{
    if (m->stream)
        (void)fclose(m->stream);
    g_free(m->path);
    g_free(m);
}
