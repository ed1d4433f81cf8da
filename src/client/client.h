/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's client: one HTTP request over the daemon's UNIX socket (docs/api.md), for the command
 * line and the lab. Synchronous, bounded in size and time.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

struct client;

#define CLIENT_DEFAULT_SOCKET "/run/aerostat/api.sock"
#define CLIENT_ANSWER_MAX     (64u << 20)
#define CLIENT_TIMEOUT_MSEC   10000

enum client_error {
    CLIENT_ERROR_NOT_RUNNING, /* nobody listens on the socket */
    CLIENT_ERROR_FORBIDDEN,   /* by the socket's mode, or by the daemon (403) */
    CLIENT_ERROR_NOT_FOUND,   /* 404 */
    CLIENT_ERROR_BAD_REQUEST, /* any other 4xx */
    CLIENT_ERROR_FAILED,      /* time-out, 5xx, cancelled, an answer that is no JSON object */
};

#define CLIENT_ERROR (client_error_quark())
GQuark client_error_quark(void);

/* @socket NULL: CLIENT_DEFAULT_SOCKET. Connects with the first request. */
struct client *client_new(const char *socket);
void client_free(struct client *client);

/* From any thread: the request in progress, and every later one, ends within about a second. */
void client_cancel(struct client *client);

/*
 * @method "GET", "PATCH", "POST"; @path from the root, already escaped; @body NULL or JSON
 * (borrowed). Returns the answer, owned by the caller, or NULL and @error with the daemon's own
 * message: as it came, so it may hold what a terminal must not see.
 */
struct json_object *client_request(struct client *client, const char *method, const char *path,
                                   struct json_object *body, GError **error);

/* The same for an answer that is no JSON (/metrics); owned by the caller. */
char *client_request_text(struct client *client, const char *path, GError **error);

/* A path segment or a query's value, percent-escaped; owned by the caller. */
char *client_escape(const char *segment);
