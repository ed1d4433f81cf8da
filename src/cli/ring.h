/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a request to the daemon's rings of events and decisions. */
#pragma once

#include <stdint.h>

/* What is asked for: zeroes ask for all that is in the ring. */
struct ring_query {
    uint64_t since;    /* from this number on; 0: from the oldest that is left */
    uint64_t last;     /* only so many of the last; 0: all. Not together with since */
    const char *guest; /* NULL: of all guests and the host */
};

/* @ring "/v1/events" or "/v1/decisions"; owned by the caller. */
char *ring_path(const char *ring, const struct ring_query *query);
