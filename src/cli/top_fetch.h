/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the daemon for `top` in a thread of its own, so that the keys work while an answer is slow.
 * At most one question of each kind is open at a time: the asker sees to that.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

struct top_fetch;

/* Either a sample (host and guests), or an explanation (guest, decisions and host), or an error. */
struct top_answer {
    char *explained; /* the guest's name where it is an explanation */
    struct json_object *host, *guests;
    struct json_object *guest, *decisions;
    GError *error;
};

void top_answer_free(struct top_answer *answer);

struct top_fetch *top_fetch_new(const char *socket);
/* Ends a request in progress; takes a second at most. */
void top_fetch_free(struct top_fetch *fetch);

/* @guest NULL: a sample. */
void top_fetch_ask(struct top_fetch *fetch, const char *guest);

/* Readable while there are answers. */
int top_fetch_fd(const struct top_fetch *fetch);

/* An answer, owned by the caller, or NULL. */
struct top_answer *top_fetch_take(struct top_fetch *fetch);
