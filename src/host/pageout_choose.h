/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages of a process are put out: see pageout_choose.c. Blocks as pageout.h does. */
#pragma once

#include "host/pageout.h"
#include "host/ramfind.h"

/* Pages are taken by blocks of so many: a huge page, of which the rest would be split off. */
#define PAGEOUT_BLOCK 512

/* Blocks around pages that were seen not to be used. Beyond so many the oldest is forgotten. */
#define PAGEOUT_COLD_MAX 512

struct pageout_choice {
    struct ram_range ranges[RAM_BLOCKS_MAX]; /* what may be chosen from */
    size_t n;
    uint64_t random; /* any seed */
    uint64_t cold[PAGEOUT_COLD_MAX];
    unsigned cold_begin, cold_end; /* of the ring, both growing for ever */
};

/* In [0, n); n > 0. */
uint64_t pageout_random(struct pageout_choice *c, uint64_t n);

/* The page was seen not to be used: what is around it is chosen first. */
void pageout_cold(struct pageout_choice *c, uint64_t page);

/*
 * Up to @max (a multiple of PAGEOUT_BLOCK is best) different pages that can be put out, neighbours
 * together. How many, 0 only where there is none, or -errno as of pageout_look().
 */
ssize_t pageout_choose(const struct pageout *p, struct pageout_choice *c, uint64_t *pages,
                       size_t max);

/* Up to @max random pages, each as likely as any other that can be put out; fewer where few can. */
ssize_t pageout_choose_single(const struct pageout *p, struct pageout_choice *c, uint64_t *pages,
                              size_t max);
