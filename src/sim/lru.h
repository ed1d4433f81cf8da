/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel that keeps its pages in order of their last use gives up first.
 *
 * Pages of a pool are used at random, every 1/use seconds on average. If all pages that have not
 * been used for longer than `age` are gone, the part 1 - exp(-age * use) of each pool is left (Che,
 * Tung, Wang 2002). So one figure for a list, the age of the oldest page left, says what is there
 * of all its pools: without need it grows with the clock, and what is needed lowers it.
 *
 * A kernel with several lists keeps their ages in a proportion, `keep`: where it is 2, pages stay
 * twice as long as on a list where it is 1.
 */
#pragma once

/* No page is older; pages that have not been used for so long are as good as never used. */
#define LRU_AGE_MAX 100000.0

struct lru_entry {
    double bytes;  /* there now */
    double use;    /* > 0, times a second */
    double age;    /* > 0, of its list: of the oldest page that is there */
    double keep;   /* > 0, of its list */
    double victim; /* out: bytes of them to give up */
};

/*
 * Chooses victims of @need bytes together (or all that there is) and returns the age of the oldest
 * page that is left on a list with keep = 1, if it was not younger before; on others it is keep
 * times as much.
 */
double lru_choose(struct lru_entry *entries, unsigned n, double need);
