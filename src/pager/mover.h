/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that puts pages out, and brings them back in bulk (mover.c). */
#pragma once

#include "pager/engine.h"

struct mover;

/* Starts the thread; returns when it is ready to work: 0 or -errno. */
int mover_start(struct mover **ret, struct engine *e);

/* Waits for its end (engine.stopping). */
void mover_join(struct mover *m);
