/* SPDX-License-Identifier: Apache-2.0 */
/* A thread with a ring of its own (swapio.h), which it makes itself; who starts it waits until it
 * has. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct worker {
    pthread_t thread;
    pthread_barrier_t ready;
    int started; /* 0 or -errno */
};

/* Runs @main with @data in a thread called @name; returns when that has called worker_ready: 0, or
 * -errno, and then the thread has ended. */
int worker_start(struct worker *w, const char *name, void *(*main)(void *), void *data);

/*
 * By the thread, once it has its ring (@made: 0 or -errno): gives up its privileges, without which
 * the ring's buffers, pinned memory, could not have been had. False: it is to end.
 */
bool worker_ready(struct worker *w, int made);

/*
 * By the thread, before worker_ready: a virtual processor waits for what it does, or the host for
 * memory. On a busy host it would wait its turn for milliseconds, above all after it has spun.
 */
void worker_hurry(const char *guest);

void worker_join(struct worker *w);
