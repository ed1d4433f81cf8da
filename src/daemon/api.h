/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's server: HTTP/1.1 on a UNIX socket, by libmicrohttpd on the default GLib main context.
 * What the requests mean is in api_routes.c and docs/api.md; here are the transport and its bounds.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "daemon/api_stats.h"

#define API_CONNECTIONS_MAX 64          /* further ones are answered 503 */
#define API_BODY_MAX        (64u << 10) /* bytes */
#define API_TIMEOUT_SEC     10          /* without a byte from or to the client */
#define API_DEFERRED_MAX    8           /* answers that wait for a guest; further ones get 503 */

struct api_request {
    const char *method; /* "GET", ... */
    const char *uri;    /* path and query, still escaped */
    const char *body;   /* not NUL-ended */
    size_t body_size;
    int fd;                        /* of the connection, to ask who it is */
    struct api_exchange *exchange; /* for api_defer */
};

struct api_answer {
    unsigned status;
    const char *content_type; /* static */
    char *text;               /* owned by the receiver */
};

/*
 * Called once for each request, from the main loop. It answers in @ret, or, where the answer has to
 * come from a guest, takes a ticket (api_defer) and leaves @ret alone.
 */
typedef void (*api_handler_fn)(const struct api_request *request, struct api_answer *ret,
                               void *data);

struct api;

/* Serves the listening socket @fd, which it takes over. NULL where that can't be. */
struct api *api_new(int fd, api_handler_fn handler, void *data);

/* Requests under way are cut off. */
void api_free(struct api *api);

/*
 * From within the handler: the answer will come later. The ticket is the caller's until it calls
 * api_finish, once, whatever has become of the client or of the API meanwhile; it is for the caller
 * to see that this is soon. NULL: API_DEFERRED_MAX others are waiting already.
 */
struct api_ticket *api_defer(const struct api_request *request);

/* Takes the ticket, and @answer's text. */
void api_finish(struct api_ticket *ticket, const struct api_answer *answer);

const struct api_stats *api_stats(const struct api *api);
