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

/* @directory: for the record of whom it holds; guests found in it are let go on at once. */
struct blocking *blocking_new(const char *directory, const struct blocking_calls *calls,
                              void *data);

/* All that are held go on. */
void blocking_free(struct blocking *b);

/* Holds the guest for @usec. No-op where it is held, or was stopped by somebody else. */
void blocking_hold(struct blocking *b, struct guest *guest, usec_t usec);

/* Is it held by us now? Then facts->running is ours. */
bool blocking_holds(const struct guest *guest);

/* That it was held by us so far, the present time included. */
usec_t blocking_total(const struct guest *guest);

void blocking_forget(struct blocking *b, struct guest *guest);

unsigned blocking_count(const struct blocking *b); /* held now */
