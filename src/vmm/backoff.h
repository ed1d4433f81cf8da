/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between attempts to connect: each twice the one before, with jitter, so that many guests
 * that were lost at once do not come back in step. */
#pragma once

#include <glib.h>

#define BACKOFF_MIN_MSEC 250
#define BACKOFF_MAX_MSEC 10000

struct backoff {
    guint msec; /* the last pause without jitter; 0: none yet */
};

/* The next pause: between 3/4 and 5/4 of BACKOFF_MIN_MSEC, then of twice that, ... */
static inline guint backoff_next(struct backoff *b)
{
    b->msec = b->msec ? MIN(2 * b->msec, BACKOFF_MAX_MSEC) : BACKOFF_MIN_MSEC;
    return b->msec * 3 / 4 + (guint)g_random_int_range(0, (gint32)b->msec / 2 + 1);
}

static inline void backoff_reset(struct backoff *b)
{
    b->msec = 0;
}
