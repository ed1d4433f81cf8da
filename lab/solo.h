/* SPDX-License-Identifier: Apache-2.0 */
/* One guest alone, without a daemon: to measure what it can do. */
#pragma once

#include "lab/member.h"

/* Serves events once. False where the lab is to end, or the guest has ended. */
bool solo_serve(struct member *m, GError **error);

bool solo_serve_seconds(struct member *m, double seconds, GError **error);

/* Boots it, and waits until its program is there. */
bool solo_boot(struct member *m, const struct member_places *places, GError **error);

/* Gives it the order of a phase, as soon as it takes it. */
bool solo_order(struct member *m, const struct phase *phase, GError **error);
