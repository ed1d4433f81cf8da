/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a QMP monitor (QEMU docs/interop/qmp-spec): greeting, capabilities, commands,
 * events. Asynchronous on the default main context. What the peer sends is bounded and checked; a
 * peer that breaks the protocol loses the connection.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <sys/types.h>

#define QMP_QUEUE_MAX  16    /* commands that wait for their turn */
#define QMP_OUTPUT_MAX 65536 /* bytes that the peer has not yet taken */
#define QMP_READ_MAX   65536 /* bytes read before other connections have their turn */

enum qmp_error {
    QMP_ERROR_CONNECT,  /* nobody listens, no right, ... */
    QMP_ERROR_CLOSED,   /* connection ended before the answer came */
    QMP_ERROR_REPLACED, /* another process listens now (qemu.c) */
    QMP_ERROR_PROTOCOL, /* peer does not speak QMP */
    QMP_ERROR_TIMEOUT,  /* no answer in time */
    QMP_ERROR_BUSY,     /* too many commands waiting, or the peer is overdue already */
    /* From here on the peer has answered: */
    QMP_ERROR_COMMAND,   /* peer refused the command: class GenericError */
    QMP_ERROR_NO_DEVICE, /* class DeviceNotActive, DeviceNotFound */
    QMP_ERROR_UNKNOWN,   /* class CommandNotFound */
};

#define QMP_ERROR (qmp_error_quark())
GQuark qmp_error_quark(void);

enum qmp_state {
    QMP_CONNECTING, /* waits for the greeting */
    QMP_READY,      /* takes commands */
    QMP_SILENT,     /* greeting or answer overdue; READY again once it comes */
    QMP_CLOSED,     /* for good */
};

struct qmp;

struct qmp_handler {
    /* @error says why for SILENT and CLOSED. The connection may be freed from within. */
    void (*state)(struct qmp *q, enum qmp_state state, const GError *error, void *data);
    /* @args is NULL or the event's data. */
    void (*event)(struct qmp *q, const char *name, struct json_object *args, void *data);
};

/* @ret is borrowed, and NULL with an @error. */
typedef void (*qmp_answer_fn)(struct json_object *ret, const GError *error, void *data);

/* Connects to the socket @path. @handler must stay; it is first called from the main loop. */
struct qmp *qmp_open(const char *path, guint timeout_msec, const struct qmp_handler *handler,
                     void *data, GError **error);

/* Closes. Commands under way get QMP_ERROR_CLOSED; the handler is not called any more. */
void qmp_free(struct qmp *q);

enum qmp_state qmp_state(const struct qmp *q);

/* The process that listens on the socket; 0: not known. */
pid_t qmp_peer_pid(const struct qmp *q);

/*
 * Sends @command with @args (NULL: none; taken over in any case). Commands go one at a time: the
 * next is sent when the one before was answered. @done is called once, later, from the main loop.
 * False and @error (CLOSED, BUSY) where it can't be sent, and then @done is not called.
 */
gboolean qmp_execute(struct qmp *q, const char *command, struct json_object *args,
                     qmp_answer_fn done, void *data, GError **error);
