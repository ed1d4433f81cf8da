/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's programs do with memory, over time: a list of steps, each in force until the next.
 * Scenario files, CSV traces and random fleets all become this (work_scenario.c, trace.c, fleet.c).
 *
 * Memory that programs use is a few classes, each of pages that are used again after about the same
 * time: a working set with its distribution of reuse times. A Zipf-distributed set becomes such
 * classes (work_zipf), and so does a trace's "used within 1 s, 10 s, 1 min, 10 min".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/units.h"

/* Of anonymous memory, and of page cache besides. */
#define WORK_CLASSES_MAX 6

struct work_class {
    uint64_t bytes;
    double interval; /* seconds after which a page of it is used again, on average, by programs that
                        run at full speed; INFINITY: never */
};

/* What the memory holds, by parts; the rest is random. */
struct work_content {
    double zero;         /* [0, 1] */
    double compressible; /* [0, 1]... */
    double ratio;        /* ...to this part of its size, (0, 1] */
    double identical;    /* [0, 1]: also there in every other guest of its trust domain */
};

struct work_step {
    usec_t at;
    uint64_t own;       /* bytes of anonymous memory that programs hold from now on... */
    uint64_t fill_rate; /* ...growing by so much a second; 0: as fast as it goes */
    struct work_content content;
    struct work_class anon[WORK_CLASSES_MAX];  /* of own; what they leave is never used again */
    struct work_class cache[WORK_CLASSES_MAX]; /* of files, read through the page cache */
    uint64_t cold_cache; /* bytes of files that are read once, now, and not again */
    uint64_t stream;  /* bytes of a file that is read from end to end, again and again; 0: none */
    bool drop_caches; /* now, once */
    double writes;    /* [0, 1]: part of the uses that write */
    double demand; /* processor time that the programs want, of one processor, at full speed: below
                      1 they can make up for waiting; 0: they rest */
    double ops;    /* operations a second at full speed, for figures only; 0: no work that counts */
    unsigned threads; /* of them that wait for memory each on its own; >= 1 */
    bool counts;      /* throughput is measured over this step */
};

struct work {
    struct work_step *steps; /* in order of time; owned */
    size_t n;
};

/* Zipf-distributed use (exponent @skew, 0: uniform) of @bytes at @touches a second, as classes of
 * equal reuse: @ret has WORK_CLASSES_MAX of them, unused ones empty. */
void work_zipf(uint64_t bytes, double skew, double touches, struct work_class *ret);

/* Appends a copy. Out of memory aborts, as GLib does. */
void work_append(struct work *w, const struct work_step *step);
void work_clear(struct work *w);
