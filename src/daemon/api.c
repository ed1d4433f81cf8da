/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd runs without a thread of its own: its epoll descriptor is a source of the GLib main
 * loop, and its next time-out bounds the loop's wait. A request is answered within MHD_run, at
 * once, from what the daemon knows. The few that a guest has to answer are set aside: the
 * connection is suspended, and resumed with the answer. Such a guest has a time-out, so that they
 * end; libmicrohttpd itself does not look at a suspended connection, not even whether it is still
 * there.
 *
 * The request's path and query are taken as they came (the uri callback), because libmicrohttpd
 * would unescape them as a whole, and %2F within a guest's name is not a '/'.
 */
#include "daemon/api.h"

#include <json-c/json.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/view_json.h"

/* Connections that libmicrohttpd keeps besides, to be able to answer them 503. */
#define CONNECTIONS_SPARE 16
/* Of a body that is too large, so much is read and thrown away: a client that still writes when the
 * connection is closed sees a broken pipe and not the answer. */
#define DISCARD_MAX (16u << 20)

struct api {
    struct MHD_Daemon *mhd;
    GSource *source;
    api_handler_fn handler;
    void *data;
    struct api_stats stats;
    GPtrArray *deferred; /* struct api_exchange that are suspended */
};

struct api_source {
    GSource source;
    struct MHD_Daemon *mhd;
    void *tag; /* of the epoll descriptor */
};

/* One request from its first line to its end. */
struct api_exchange {
    struct api *api;
    struct MHD_Connection *connection;
    char *uri;
    GString *body;
    size_t discarded;
    bool begun;
    bool waited;               /* was deferred */
    struct api_ticket *ticket; /* the answer is to come */
    struct api_answer answer;  /* it came; no text: it did not */
};

struct api_ticket {
    struct api_exchange *exchange; /* NULL: nobody waits any more */
};

static gboolean source_prepare(GSource *source, gint *timeout)
{
    MHD_UNSIGNED_LONG_LONG msec;

    *timeout = -1;
    if (MHD_get_timeout(((struct api_source *)source)->mhd, &msec) == MHD_YES)
        *timeout = (gint)MIN(msec, G_MAXINT);
    return *timeout == 0;
}

static gboolean source_check(GSource *source)
{
    struct api_source *s = (struct api_source *)source;
    MHD_UNSIGNED_LONG_LONG msec;

    return g_source_query_unix_fd(source, s->tag) != 0 ||
           (MHD_get_timeout(s->mhd, &msec) == MHD_YES && msec == 0);
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    (void)callback;
    (void)data;
    g_source_set_ready_time(source, -1);
    (void)MHD_run(((struct api_source *)source)->mhd);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare, .check = source_check, .dispatch = source_dispatch};

static enum MHD_Result answer(struct api *api, struct MHD_Connection *connection,
                              struct api_answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(answer->text), answer->text, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    api->stats.answers[MIN(answer->status / 100, API_STATUS_CLASSES - 1)]++;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_error(struct api *api, struct MHD_Connection *connection,
                                    unsigned status, const char *code, const char *message)
{
    autojson error = view_error(code, message);
    struct api_answer a = {
        .status = status,
        .content_type = "application/json",
        .text = strdup(json_object_to_json_string_ext(error, JSON_C_TO_STRING_PLAIN)),
    };

    return answer(api, connection, &a);
}

static enum MHD_Result too_large(struct api *api, struct MHD_Connection *connection)
{
    return answer_error(api, connection, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
                        "the body is larger than 64 KiB; settings take a few dozen bytes");
}

/* The headers are here, the body is not. */
static enum MHD_Result begin(struct api *api, struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    if (api->stats.connections > API_CONNECTIONS_MAX)
        return answer_error(api, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                            "too many connections are open; try again, and close those not in use");
    /* libmicrohttpd has seen to it that the length is a number. */
    if (length && g_ascii_strtoull(length, NULL, 10) > DISCARD_MAX)
        return too_large(api, connection);
    return MHD_YES;
}

static enum MHD_Result take_body(struct api_exchange *x, const char *data, size_t size)
{
    if (!x->body)
        x->body = g_string_new(NULL);
    if (x->discarded || x->body->len + size > API_BODY_MAX)
        x->discarded += size;
    else
        g_string_append_len(x->body, data, (gssize)size);
    return x->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
}

/* --- answers that come later --- */

struct api_ticket *api_defer(const struct api_request *request)
{
    struct api_exchange *x = request->exchange;

    if (x->api->deferred->len >= API_DEFERRED_MAX)
        return NULL;
    x->ticket = g_new0(struct api_ticket, 1);
    x->ticket->exchange = x;
    g_ptr_array_add(x->api->deferred, x);
    MHD_suspend_connection(x->connection);
    return x->ticket;
}

/* Lets the connection go on, with an answer or without one. */
static void resume(struct api_exchange *x)
{
    x->ticket = NULL;
    g_ptr_array_remove_fast(x->api->deferred, x);
    MHD_resume_connection(x->connection);
    /* It says nothing to whoever waits for its epoll descriptor. */
    g_source_set_ready_time(x->api->source, 0);
}

void api_finish(struct api_ticket *ticket, const struct api_answer *answer)
{
    struct api_exchange *x = ticket->exchange;

    g_free(ticket);
    if (!x) {
        free(answer->text);
        return;
    }
    x->answer = *answer;
    resume(x);
}

/* The end of the API: nobody is there to take what is still to come. */
static void give_up_deferred(struct api *api)
{
    while (api->deferred->len) {
        struct api_exchange *x = api->deferred->pdata[0];

        x->ticket->exchange = NULL;
        resume(x);
    }
}

static enum MHD_Result complete_deferred(struct api *api, struct MHD_Connection *connection,
                                         struct api_exchange *x)
{
    struct api_answer a = x->answer;

    x->answer.text = NULL;
    return a.text ? answer(api, connection, &a) : MHD_NO;
}

static enum MHD_Result complete(struct api *api, struct MHD_Connection *connection,
                                struct api_exchange *x, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct api_request request = {
        .method = method,
        .uri = x->uri,
        .body = x->body ? x->body->str : "",
        .body_size = x->body ? x->body->len : 0,
        .fd = info ? info->connect_fd : -1,
        .exchange = x,
    };
    struct api_answer a = {0};

    if (x->discarded)
        return too_large(api, connection);
    x->api = api;
    x->connection = connection;
    api->handler(&request, &a, api->data);
    if (x->ticket) {
        x->waited = true;
        return MHD_YES;
    }
    return answer(api, connection, &a);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct api *api = data;
    struct api_exchange *x = *state;

    (void)url;
    (void)version;
    if (!x->begun) {
        x->begun = true;
        return begin(api, connection);
    }
    if (*upload_size) {
        size_t size = *upload_size;

        *upload_size = 0;
        return take_body(x, upload, size);
    }
    if (x->waited)
        return complete_deferred(api, connection, x);
    return complete(api, connection, x, method);
}

static void *on_uri(void *data, const char *uri, struct MHD_Connection *connection)
{
    struct api_exchange *x = g_new0(struct api_exchange, 1);

    (void)data;
    (void)connection;
    x->uri = g_strdup(uri);
    return x;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct api_exchange *x = *state;

    (void)data;
    (void)connection;
    (void)why;
    if (!x)
        return;
    g_assert(!x->ticket); /* a suspended connection does not end */
    free(x->answer.text);
    g_free(x->uri);
    if (x->body)
        g_string_free(x->body, TRUE);
    g_free(x);
    *state = NULL;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api *api = data;

    (void)connection;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        api->stats.connections++;
    else
        api->stats.connections--;
}

static void G_GNUC_PRINTF(2, 0) on_mhd_message(void *data, const char *format, va_list args)
{
    g_autofree char *text = NULL;

    (void)data;
    text = g_strdup_vprintf(format, args);
    log_debug("API: %s", g_strchomp(text));
}

static GSource *attach(struct MHD_Daemon *mhd)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
    GSource *source;

    if (!info)
        return NULL;
    source = g_source_new(&source_funcs, sizeof(struct api_source));
    g_source_set_static_name(source, "api");
    ((struct api_source *)source)->mhd = mhd;
    ((struct api_source *)source)->tag = g_source_add_unix_fd(source, info->epoll_fd, G_IO_IN);
    g_source_attach(source, NULL);
    return source;
}

struct api *api_new(int fd, api_handler_fn handler, void *data)
{
    struct api *api = g_new0(struct api, 1);

    api->handler = handler;
    api->data = data;
    api->deferred = g_ptr_array_new();
    api->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        api, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_message, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, API_CONNECTIONS_MAX + CONNECTIONS_SPARE,
        MHD_OPTION_CONNECTION_TIMEOUT, API_TIMEOUT_SEC, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, api, MHD_OPTION_END);
    if (api->mhd)
        api->source = attach(api->mhd);
    if (!api->source) {
        api_free(api);
        return NULL;
    }
    return api;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    give_up_deferred(api);
    if (api->source) {
        g_source_destroy(api->source);
        g_source_unref(api->source);
    }
    if (api->mhd)
        MHD_stop_daemon(api->mhd);
    g_ptr_array_unref(api->deferred);
    g_free(api);
}

const struct api_stats *api_stats(const struct api *api)
{
    return &api->stats;
}
