/* SPDX-License-Identifier: Apache-2.0 */
/* What a pager does before it serves: the map is brought in line with the memfd, and what is kept
 * in the process alone is made anew (recover.c). No other thread runs yet. */
#pragma once

#include "pager/engine.h"

/* Goes through map and memfd; makes the claims and the slots of e->map's figures.slots. 0 or
 * -errno. */
int recover_map(struct engine *e);

/* Lifts what the pager before has left protected, and wakes everybody. 0 or -errno. */
int recover_waiters(struct engine *e);
