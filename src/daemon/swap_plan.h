/* SPDX-License-Identifier: Apache-2.0 */
/* When the pool of swap files grows, and when it shrinks. Pure: figures and `now` in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/units.h"

/* Files of the pool: the kernel has room for some two dozen areas, and an operator has some. */
#define SWAP_FILES_MAX 16

/* The kernel keeps the slot of a page that it has brought back, so that the page need not be
 * written again, only while less than half of the swap space is in use (vm_swap_full). Where
 * writing is I/O, the pool is therefore made twice as large as is needed. */
#define SWAP_FACTOR 2

/* A smaller file is not worth one of the kernel's areas. */
#define SWAP_FILE_LEAST (16 * MIB)

/* A file with more than this in it is never taken out: bringing it back costs more than the file.
 */
#define SWAP_FILE_IDLE (1 * MIB)

struct swap_plan_file {
    uint64_t size, used; /* bytes */
};

struct swap_plan_figures {
    uint64_t needed;     /* bytes that guests must be able to put out */
    uint64_t others;     /* bytes of swap space that is not the pool's and that they can count on */
    uint64_t could_grow; /* bytes that may still be added to the pool */
    uint64_t chunk;      /* bytes that it grows by, or a multiple */
    usec_t keep;         /* a surplus that has lasted for this long goes */
    bool in_memory;      /* what is put out costs no I/O: zswap */
    size_t n;
    struct swap_plan_file files[SWAP_FILES_MAX];
};

enum swap_step {
    SWAP_STEP_NONE,
    SWAP_STEP_GROW,
    SWAP_STEP_SHRINK,
};

struct swap_plan {
    enum swap_step step;
    uint64_t bytes; /* GROW: of the file to be made */
    size_t file;    /* SHRINK: which is to go */
    bool lacking;   /* what is needed is not there, and can't be */
};

/* @surplus_since: kept by the caller, USEC_NEVER at first. */
struct swap_plan swap_plan(const struct swap_plan_figures *f, usec_t *surplus_since, usec_t now);
