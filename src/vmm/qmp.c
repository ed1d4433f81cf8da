/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command is on its way at a time; the others wait in a short queue. That keeps three things
 * simple. A slow monitor never collects a pile of our commands. An answer can only belong to that
 * one command, so any other id is a breach of protocol. And a monitor that falls silent (SIGSTOP, a
 * hung main loop) owes exactly one answer: when it comes, the connection is in order again, and
 * until then nothing more is sent.
 *
 * The object is freed when nothing of it is on the stack any more: callbacks may call qmp_free().
 */
#include "vmm/qmp.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "vmm/qmp_socket.h"
#include "vmm/qmp_stream.h"
#include "vmm/qmp_wire.h"

/* An answer that has already arrived when its time is up is read first. */
#define GRACE_MSEC 10

struct command {
    uint64_t id;
    char *text; /* as it is sent */
    qmp_answer_fn done;
    void *data;
};

struct qmp {
    guint refs;
    bool freed; /* by its owner */
    int fd;
    pid_t peer;
    guint timeout_msec;
    const struct qmp_handler *handler;
    void *data;
    enum qmp_state state;
    bool greeted;
    bool grace; /* the time-out was put off once */
    struct qmp_stream in;
    GString *out; /* not yet taken by the peer */
    guint read_source, write_source, timer_source;
    uint64_t last_id;
    struct command *sent; /* waits for its answer; done is NULL once that is overdue */
    GQueue waiting;       /* struct command */
};

GQuark qmp_error_quark(void)
{
    return g_quark_from_static_string("aerostat-qmp-error");
}

static void send_next(struct qmp *q);

/* --- life --- */

static void command_free(struct command *c)
{
    g_free(c->text);
    g_free(c);
}

/* The command's end: its function is called, once. */
static void command_finish(struct command *c, struct json_object *ret, const GError *error)
{
    qmp_answer_fn done = c->done;

    c->done = NULL;
    if (done)
        done(ret, error, c->data);
}

static void fail_waiting(struct qmp *q, const GError *error)
{
    struct command *c;
    GQueue failed = q->waiting;

    g_queue_init(&q->waiting); /* what the functions below add is not among them */
    while ((c = g_queue_pop_head(&failed))) {
        command_finish(c, NULL, error);
        command_free(c);
    }
}

static void unref(struct qmp *q)
{
    if (--q->refs)
        return;
    qmp_stream_deinit(&q->in);
    g_string_free(q->out, TRUE);
    g_free(q);
}

/* Ends the connection and all commands; calls only them. */
static void shut_down(struct qmp *q, const GError *error)
{
    struct command *sent = g_steal_pointer(&q->sent);

    q->state = QMP_CLOSED;
    g_clear_handle_id(&q->read_source, g_source_remove);
    g_clear_handle_id(&q->write_source, g_source_remove);
    g_clear_handle_id(&q->timer_source, g_source_remove);
    fd_close(&q->fd);
    if (sent) {
        command_finish(sent, NULL, error);
        command_free(sent);
    }
    fail_waiting(q, error);
}

static void set_state(struct qmp *q, enum qmp_state state, const GError *error)
{
    q->state = state;
    if (!q->freed)
        q->handler->state(q, state, error, q->data);
}

static void fail(struct qmp *q, enum qmp_error code, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void fail(struct qmp *q, enum qmp_error code, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    va_list args;

    if (q->state == QMP_CLOSED)
        return;
    va_start(args, format);
    error = g_error_new_valist(QMP_ERROR, (int)code, format, args);
    va_end(args);
    shut_down(q, error);
    set_state(q, QMP_CLOSED, error);
}

void qmp_free(struct qmp *q)
{
    g_autoptr(GError) error = NULL;

    if (!q)
        return;
    q->freed = true;
    error = g_error_new_literal(QMP_ERROR, QMP_ERROR_CLOSED, "the connection was given up");
    shut_down(q, error);
    unref(q);
}

enum qmp_state qmp_state(const struct qmp *q)
{
    return q->state;
}

pid_t qmp_peer_pid(const struct qmp *q)
{
    return q->peer;
}

/* --- time-outs --- */

static gboolean timer_elapsed(gpointer data)
{
    struct qmp *q = data;
    g_autoptr(GError) error = NULL;
    struct pollfd p = {.fd = q->fd, .events = POLLIN};

    q->timer_source = 0;
    if (!q->grace && poll(&p, 1, 0) > 0) { /* it was us who were late */
        q->grace = true;
        q->timer_source = g_timeout_add(GRACE_MSEC, timer_elapsed, q);
        return G_SOURCE_REMOVE;
    }
    if (!q->greeted)
        error = g_error_new_literal(QMP_ERROR, QMP_ERROR_TIMEOUT,
                                    "no greeting: QEMU is stopped, or another client holds this "
                                    "monitor; give QEMU a second -qmp socket for Aerostat");
    else
        error = g_error_new(QMP_ERROR, QMP_ERROR_TIMEOUT,
                            "no answer for %u ms: QEMU is stopped or hangs", q->timeout_msec);
    q->refs++;
    q->state = QMP_SILENT; /* what the functions below send is refused */
    if (q->sent)
        command_finish(q->sent, NULL, error);
    fail_waiting(q, error);
    if (q->state == QMP_SILENT)
        set_state(q, QMP_SILENT, error);
    unref(q);
    return G_SOURCE_REMOVE;
}

static void timer_start(struct qmp *q)
{
    g_clear_handle_id(&q->timer_source, g_source_remove);
    q->grace = false;
    q->timer_source = g_timeout_add(q->timeout_msec, timer_elapsed, q);
}

/* --- output --- */

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    struct qmp *q = data;
    ssize_t n = send(fd, q->out->str, q->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)condition;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        /* What the peer still had to say, and that it has ended, is found by reading. */
        n = (ssize_t)q->out->len;
    }
    if (n > 0)
        g_string_erase(q->out, 0, n);
    if (q->out->len)
        return G_SOURCE_CONTINUE;
    q->write_source = 0;
    return G_SOURCE_REMOVE;
}

static void send_next(struct qmp *q)
{
    if (q->sent || q->state == QMP_CLOSED)
        return;
    q->sent = g_queue_pop_head(&q->waiting);
    if (!q->sent)
        return;
    g_string_append(q->out, q->sent->text);
    g_clear_pointer(&q->sent->text, g_free);
    if (!q->write_source)
        q->write_source = g_unix_fd_add(q->fd, G_IO_OUT, on_writable, q);
    timer_start(q);
}

static void enqueue(struct qmp *q, const char *command, struct json_object *args,
                    qmp_answer_fn done, void *data)
{
    struct command *c = g_new0(struct command, 1);

    c->id = ++q->last_id;
    c->text = qmp_wire_command(command, args, c->id);
    c->done = done;
    c->data = data;
    g_queue_push_tail(&q->waiting, c);
    send_next(q);
}

gboolean qmp_execute(struct qmp *q, const char *command, struct json_object *args,
                     qmp_answer_fn done, void *data, GError **error)
{
    const char *why = NULL;

    if (q->state == QMP_CONNECTING || q->state == QMP_CLOSED)
        why = "is not connected";
    else if (q->state == QMP_SILENT)
        why = "still owes an answer";
    else if (q->waiting.length == QMP_QUEUE_MAX || q->out->len >= QMP_OUTPUT_MAX)
        why = "has too many commands waiting";
    if (!why) {
        enqueue(q, command, args, done, data);
        return TRUE;
    }
    json_object_put(args);
    g_set_error(error, QMP_ERROR,
                q->state == QMP_CONNECTING || q->state == QMP_CLOSED ? QMP_ERROR_CLOSED
                                                                     : QMP_ERROR_BUSY,
                "%s was not sent: the monitor %s", command, why);
    return FALSE;
}

/* --- input --- */

static void capabilities_done(struct json_object *ret, const GError *error, void *data)
{
    struct qmp *q = data;

    (void)ret;
    if (!error) {
        set_state(q, QMP_READY, NULL);
    } else if (error->code >= QMP_ERROR_COMMAND) {
        fail(q, QMP_ERROR_PROTOCOL, "QMP negotiation was refused: %s", error->message);
    }
}

static void greeting_received(struct qmp *q, struct json_object *doc)
{
    if (!json_get_object(doc, "QMP")) {
        fail(q, QMP_ERROR_PROTOCOL, "no QMP monitor: the peer did not begin with a QMP greeting");
        return;
    }
    q->greeted = true;
    q->state = QMP_CONNECTING;
    enqueue(q, "qmp_capabilities", NULL, capabilities_done, q);
}

static void answer_received(struct qmp *q, struct json_object *doc)
{
    struct command *c = q->sent;
    g_autoptr(GError) error = NULL;
    struct json_object *ret = NULL;
    uint64_t id;

    if (!c || !json_get_u64(doc, "id", &id) || id != c->id) {
        fail(q, QMP_ERROR_PROTOCOL, "the peer answered a command that was not sent");
        return;
    }
    if (!json_object_object_get_ex(doc, "return", &ret))
        error = qmp_wire_error(doc);
    q->sent = NULL;
    g_clear_handle_id(&q->timer_source, g_source_remove);
    if (q->state == QMP_SILENT && c->done == NULL)
        set_state(q, QMP_READY, NULL);
    command_finish(c, ret, error);
    command_free(c);
    send_next(q);
}

static void document_received(struct qmp *q, const char *text, size_t len)
{
    const char *why = NULL, *name;
    autojson doc = json_parse(text, len, &why);

    if (!doc)
        fail(q, QMP_ERROR_PROTOCOL, "the peer sent bad JSON: %s", why);
    else if (!q->greeted)
        greeting_received(q, doc);
    else if (json_object_object_get_ex(doc, "return", NULL) || json_get_object(doc, "error"))
        answer_received(q, doc);
    else if (!json_get_string(doc, "event", &name))
        fail(q, QMP_ERROR_PROTOCOL, "the peer sent neither an answer nor an event");
    else if (!q->freed)
        q->handler->event(q, name, json_get_object(doc, "data"), q->data);
}

static void bytes_received(struct qmp *q, const char *data, size_t len)
{
    while (len && q->state != QMP_CLOSED) {
        size_t used = 0;

        switch (qmp_stream_feed(&q->in, data, len, &used)) {
        case QMP_STREAM_MORE:
            break;
        case QMP_STREAM_DOCUMENT:
            document_received(q, q->in.buf, q->in.len);
            break;
        case QMP_STREAM_NO_OBJECT:
            fail(q, QMP_ERROR_PROTOCOL, "no QMP monitor: the peer sent something that is no JSON");
            return;
        case QMP_STREAM_TOO_LARGE:
            fail(q, QMP_ERROR_PROTOCOL, "the peer sent a document of more than %u bytes",
                 QMP_DOCUMENT_MAX);
            return;
        }
        data += used;
        len -= used;
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    struct qmp *q = data;
    static char buf[QMP_READ_MAX]; /* one for all: it is empty again when this returns */
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    gboolean open;

    (void)condition;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    q->refs++;
    if (n < 0)
        fail(q, QMP_ERROR_CLOSED, "the connection failed: %s", g_strerror(errno));
    else if (n == 0)
        fail(q, QMP_ERROR_CLOSED, "the monitor closed the connection%s",
             q->in.depth ? " in the middle of a document" : "");
    else
        bytes_received(q, buf, (size_t)n);
    open = q->state != QMP_CLOSED;
    unref(q);
    return open; /* else the source was removed already */
}

/* --- connecting --- */

struct qmp *qmp_open(const char *path, guint timeout_msec, const struct qmp_handler *handler,
                     void *data, GError **error)
{
    int fd = qmp_socket_connect(path, error);
    struct qmp *q;

    if (fd < 0)
        return NULL;
    q = g_new0(struct qmp, 1);
    q->refs = 1;
    q->fd = fd;
    q->peer = qmp_socket_peer(fd);
    q->timeout_msec = timeout_msec;
    q->handler = handler;
    q->data = data;
    q->out = g_string_new(NULL);
    qmp_stream_init(&q->in);
    g_queue_init(&q->waiting);
    q->read_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, q);
    timer_start(q);
    return q;
}
