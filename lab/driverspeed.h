/* SPDX-License-Identifier: Apache-2.0 */
/* How long a guest's balloon driver itself takes to deflate, as a yardstick for the daemon. */
#pragma once

#include "lab/member.h"

/* The least granted size of the guest at or just before @t: from where it had to come back. */
uint64_t driverspeed_least(const struct record *r, unsigned guest, double t);

/*
 * Without a daemon: inflates the guest to @least, then deflates it at once and takes the time. 0
 * where it does not inflate so far in time. False and @error where its monitor does not work.
 */
bool driverspeed_measure(struct member *m, uint64_t least, double *ret_seconds, GError **error);
