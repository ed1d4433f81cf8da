/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the API as its handlers see it, and how they answer (api_routes.c). */
#pragma once

#include "daemon/api.h"
#include "daemon/daemon.h"

#define CALL_SEGMENTS_MAX 8
#define CALL_ECHO_MAX     128 /* bytes of what a client sent that a message repeats */

struct call {
    struct daemon *daemon;
    const struct api_request *request; /* NULL: the answer comes later, the request is gone */
    struct api_answer *answer;
    char *segments[CALL_SEGMENTS_MAX]; /* of the path, unescaped */
    unsigned n_segments;
    GHashTable *query; /* unescaped; never NULL */
    const char *body;
    size_t body_size;
};

/* Answers with @obj, which it takes; status 200 unless set before. */
void call_reply(struct call *c, struct json_object *obj);

void call_reply_error(struct call *c, unsigned status, const char *code, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The guest that the path names; NULL, and the error is replied. */
struct guest *call_find_guest(struct call *c);

/* GET /v1/guests/NAME/translate (api_translate.c); answers later. */
void call_reply_translation(struct call *c);

/* POST /v1/admit (api_admit.c). */
void call_reply_admission(struct call *c);

/* GET /v1/events, and /v1/decisions (api_events.c). */
void call_reply_events(struct call *c, bool decisions);
