/* SPDX-License-Identifier: Apache-2.0 */
/* Which mappings of a VMM process are the guest's RAM, given the sizes that the VMM names. */
#pragma once

#include <stddef.h>

#include "host/smaps.h"

enum ram_kind {
    RAM_UNKNOWN, /* not found (yet) */
    RAM_PRIVATE, /* private anonymous */
    RAM_MEMFD,   /* shared memfd */
    RAM_OTHER,   /* hugetlb, a file, or blocks of different kinds */
};

/* One block of RAM as the VMM names it (QMP query-memdev). */
struct ram_block {
    uint64_t size; /* bytes */
    bool shared;
};

/* NUMA nodes and DIMMs of one guest. */
#define RAM_BLOCKS_MAX 64

struct ram_range {
    uint64_t start, end;
    enum ram_kind kind;
    dev_t device;   /* of a memfd */
    uint64_t inode; /* of a memfd */
};

/*
 * Finds each block in @vmas (in address order, as the kernel lists them). @ret has room for @n
 * ranges. Returns 0, or -ENOENT where a block is not there, and then @ret is undefined.
 */
int ram_find(const GArray *vmas, const struct ram_block *blocks, size_t n, struct ram_range *ret);

/* The kind of them all together. */
enum ram_kind ram_kind_of(const struct ram_range *ranges, size_t n);
