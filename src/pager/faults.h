/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that serves the guest's faults and hears of its discards (faults.c). */
#pragma once

#include "pager/engine.h"

struct faults;

/* Starts the thread; returns when it is ready to serve: 0 or -errno. */
int faults_start(struct faults **ret, struct engine *e);

/* Waits for its end (engine.stopping). */
void faults_join(struct faults *f);
