/* SPDX-License-Identifier: Apache-2.0 */
/* What swap space the host has at this moment, and whose it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/swap_plan.h"
#include "host/meminfo.h"

struct swap_look {
    uint64_t size, used;               /* bytes, of all areas */
    uint64_t own_size;                 /* of these, in files of the pool */
    uint64_t others_size, others_used; /* in all other areas */
    bool first_is_zram;                /* what is put out now goes to zram */
    struct meminfo mem;
    size_t n;
    char *paths[SWAP_FILES_MAX]; /* of the pool's files; owned */
    struct swap_plan_file files[SWAP_FILES_MAX];
};

/* Looks again; @ret is all zero at first. @directory: of the pool's files, as /proc/swaps has it. 0
 * or -errno: then @ret is as it was. */
int swap_look(struct swap_look *ret, const char *host_root, const char *directory);
void swap_look_clear(struct swap_look *look);

/* What the file system of @directory, which may not be there yet, can still give the pool of
 * @own_size bytes, of which there may be @max, or SIZE_AUTO. */
uint64_t swap_room(const char *directory, uint64_t max, uint64_t own_size);
