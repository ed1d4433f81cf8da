/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions on their way to the guests: each is sent, its outcome recorded, and told to the policy.
 * A guest has at most one order on its way; one that refuses gets the next after a pause that
 * doubles. An order outlives its guest: the guest may end before it answers.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "core/policy.h"
#include "daemon/blocking.h"
#include "daemon/guests.h"
#include "daemon/recorder.h"

#define ORDERS_PAUSE_MIN_USEC  (1 * USEC_PER_SEC)
#define ORDERS_PAUSE_MAX_USEC  (60 * USEC_PER_SEC)
#define ORDERS_EMPTY_WAIT_MSEC 2000

struct orders_counters {
    uint64_t sent[REASON_MAX]; /* accepted by the VMM */
    uint64_t failed;           /* refused, timed out, guest gone */
};

struct orders;

struct orders *orders_new(struct recorder *recorder);
/* No order may be on its way any more. */
void orders_free(struct orders *o);

/* Sends the verdict's target to the guest, unless one is on its way or a pause is not over. */
void orders_send(struct orders *o, struct guest *guest, const struct verdict *v);

/* Observe mode: records what would have been sent, once while it stays the same. */
void orders_observe(struct orders *o, struct guest *guest, const struct verdict *v);

/* Tells the guest's pager what it may occupy, once while it stays the same; observe mode
 * (!@enact): records what it would be told. */
void orders_allow(struct orders *o, struct guest *guest, const struct verdict *v, bool enact);

/*
 * Blocks the guest for the verdict's time; observe mode (!@enact): only records it. Slices come
 * many a minute: one in ORDERS_BLOCK_RECORD_USEC is recorded, with the number of those that were
 * not.
 */
#define ORDERS_BLOCK_RECORD_USEC (10 * USEC_PER_SEC)
void orders_block(struct orders *o, struct blocking *blocking, struct guest *guest,
                  const struct verdict *v, bool enact);

/*
 * Sends every guest its full size, and calls @done when all have answered or ORDERS_EMPTY_WAIT_MSEC
 * have passed, whichever is first; never from within this call.
 */
void orders_empty_all(struct orders *o, const struct guests *guests, GSourceFunc done, void *data);

const struct orders_counters *orders_counters(const struct orders *o);
