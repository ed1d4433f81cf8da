/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as a fluid: a pool is many pages that are used alike, and what is known of it is how
 * many bytes are where. Sizes in bytes, fractions of them included.
 */
#pragma once

#include <stdbool.h>

#define PAGE_BYTES 4096.0

/* Where a page's content is, and whether host memory backs it. */
enum place {
    PLACE_HERE,       /* in host memory */
    PLACE_ZERO,       /* the guest's pager put it out: it was zero... */
    PLACE_COMPRESSED, /* ...is in the cache... */
    PLACE_SWAPPED,    /* ...or in the swap file */
    PLACE_KERNEL,     /* the host's kernel swapped it */
    PLACE_AWAY, /* the guest does not hold it itself: it is in its swap, or in its file only */
    PLACE_MAX,
};

struct pool {
    double want; /* bytes that there should be by the work step; what lacks was never there yet */
    double use;  /* times a second that a page is used, at full speed; 0: never */
    double at[PLACE_MAX];
    double merged; /* of what is here, with identical pages */
};

/* Out of host memory, unseen by the guest. */
static inline double pool_out(const struct pool *p)
{
    return p->at[PLACE_ZERO] + p->at[PLACE_COMPRESSED] + p->at[PLACE_SWAPPED] + p->at[PLACE_KERNEL];
}

/* Guest memory that it takes. */
static inline double pool_memory(const struct pool *p)
{
    return p->at[PLACE_HERE] + pool_out(p);
}

static inline double pool_total(const struct pool *p)
{
    return pool_memory(p) + p->at[PLACE_AWAY];
}

static inline double pool_lacks(const struct pool *p)
{
    double lacks = p->want - pool_total(p);

    return lacks > 0 ? lacks : 0;
}

/* Moves @part of all that @from holds, wherever it is, to @to. */
void pool_move(struct pool *from, struct pool *to, double part);

/* The same of its memory only: what is away stays. Returns the bytes that moved. */
double pool_move_memory(struct pool *from, struct pool *to, double part);
