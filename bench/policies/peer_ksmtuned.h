/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ksmtuned: once a minute KSM is made to run faster (300 pages a pass) or slower (50) by whether a
 * fifth of the host is free, and stopped where the guests and that fifth fit beside each other.
 */
#pragma once

#include <stdbool.h>

#include "policies/peer_fleet.h"

struct ksmtuned {
    bool run;
    double pages, sleep_ms;
    usec_t at; /* when it is due again */
};

/* Sizes in KiB. @committed: what the guests occupy. */
void ksmtuned_step(struct ksmtuned *k, double total, double free, double committed);

/* Does that where it is due, and drives the host's KSM. */
void ksmtuned_wake(struct ksmtuned *k, const struct peer_fleet *f, usec_t now);
