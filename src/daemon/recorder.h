/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, kept in a ring for `aerostat events` and `explain`: every event has a sequence
 * number that is never used again while the daemon runs, so a reader knows what it has missed.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"

#define RECORDER_EVENTS_MAX 4096

enum event_kind {
    EVENT_DECISION,
    EVENT_HOST_STATE,
    EVENT_GUEST_ADDED,
    EVENT_GUEST_GONE,
    EVENT_GUEST_LINK,
    EVENT_GUEST_STATS,
    EVENT_GUEST_DRIVER,
    EVENT_SETTINGS,
    EVENT_CONFIG,
    EVENT_RELEASE,
    EVENT_GUEST_PAGER,
    EVENT_BLOCKING,
    EVENT_SHARING,
    EVENT_SWAP_POOL,
    EVENT_ADMISSION,
    EVENT_KIND_MAX,
};

const char *event_kind_name(enum event_kind kind);

struct event {
    uint64_t seq;
    gint64 time; /* g_get_real_time() */
    enum event_kind kind;
    enum host_state state;
    char *guest; /* NULL: concerns the host */
    char *text;  /* one sentence */
    /* Decisions only: */
    enum mechanism mechanism;
    enum reason reason;
    uint64_t from, to; /* guest-visible size; of swap: what the guest may occupy, ALLOWED_ANY */
    bool enacted;
};

struct recorder;

struct recorder *recorder_new(void);
void recorder_free(struct recorder *r);

/* Keeps a copy of @event and of the strings (@guest may be NULL), and gives it its seq and time.
 * What
 * @event itself says of these is not looked at. */
void recorder_add(struct recorder *r, const struct event *event, const char *guest,
                  const char *text);

/* The sequence number that the next event will get. */
uint64_t recorder_next(const struct recorder *r);

/* Sequence number of the oldest event that is still there; recorder_next() where there is none. */
uint64_t recorder_oldest(const struct recorder *r);

/* NULL where it is not there (any more). Valid until the next recorder_add. */
const struct event *recorder_get(const struct recorder *r, uint64_t seq);
