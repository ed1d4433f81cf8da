/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that are held for a moment (QMP stop, and cont when the time is over): the policy says
 * whom and how long. No guest stays held because the daemon ended: what is held is written down
 * before, and a guardian process lets it go on when the daemon dies. See blocking.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"
#include "daemon/guests.h"

struct blocking;

struct blocking_calls {
    void (*record)(struct guest *guest, char *text, void *data); /* takes @text */
    void (*changed)(struct guest *guest, void *data);
};

/*
 * @directory: for the record of whom it holds; guests found in it are let go on at once. @calls and
 * @host_root are borrowed.
 */
struct blocking *blocking_new(const char *directory, const char *host_root,
                              const struct blocking_calls *calls, void *data);

/* Who is still held is left to the guardian. No order may be on its way any more. */
void blocking_free(struct blocking *b);

/*
 * Lets all go on, and holds nobody from now on; calls @done when they do, or after
 * BLOCKING_END_MSEC. Never from within this call.
 */
#define BLOCKING_END_MSEC 2000
void blocking_end(struct blocking *b, GSourceFunc done, void *data);

/*
 * Holds the guest for @usec, counted from now. False: it was not held, because it is already, or
 * was stopped by somebody else, or could not be; after an order that failed there is a pause.
 */
bool blocking_hold(struct blocking *b, struct guest *guest, usec_t usec);

/* Its time is over before its slice is; nothing where it is not held. */
void blocking_release(struct guest *guest);

/* The guest's facts are new: let go on by somebody else, or held by a daemon before this one? */
void blocking_see(struct blocking *b, struct guest *guest);

/* Is it held by us now, or about to be? Then facts->running is not the guest's own. */
bool blocking_holds(const struct guest *guest);

/* That it was held by us so far, the present time included. */
usec_t blocking_total(const struct guest *guest);

/* How often. */
uint64_t blocking_times(const struct guest *guest);

/* Before the guest is freed. */
void blocking_forget(struct blocking *b, struct guest *guest);

unsigned blocking_count(const struct blocking *b); /* held now */
