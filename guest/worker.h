/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that owns the memory and does the work: one order at a time, each until it is done or
 * the next one is given. The guest's kernel may kill it for memory; the reporter survives.
 */
#pragma once

#include "guest/order.h"
#include "guest/pages.h"
#include "guest/shared.h"

/* Directories; NULL: the guest has none. */
struct worker_places {
    const char *scratch;  /* for files */
    const char *programs; /* root of what run runs, with scratch below it as /scratch */
};

struct worker {
    struct shared *shared;
    int orders; /* pipe: struct order after struct order */
    struct worker_places places;
    struct pages pages;
    uint64_t current;  /* number of the order at work */
    uint64_t random;   /* state of worker_random() */
    uint64_t streamed; /* bytes of the streamed file that were written */
};

/* For the fork's child: takes orders until the pipe ends. Does not return. */
_Noreturn void worker_run(struct shared *shared, int orders, const struct worker_places *places,
                          uint64_t seed);

/* For the files of the single orders: */

/* A newer order is waiting: leave off at once. */
bool worker_interrupted(const struct worker *w);
void worker_fail(struct worker *w, const char *what, int error_number);
uint64_t worker_random(struct worker *w);
uint64_t worker_now(void); /* ns */

/* Counts one verified page. */
void worker_count(struct worker *w, bool right);

/* Keeps @rate units/s: call after every unit. True where it slept. */
struct pace {
    double rate;  /* 0: as fast as it goes */
    uint64_t due; /* ns: when the next unit may begin; 0: not begun */
};
bool worker_pace(struct worker *w, struct pace *pace, double units);

void worker_fill(struct worker *w, const struct order *order);
void worker_touch(struct worker *w, const struct order *order);
void worker_stream(struct worker *w, const struct order *order);
void worker_run_command(struct worker *w, const struct order *order);
