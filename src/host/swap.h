/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's swap space: what there is (/proc/swaps), and files that are made for it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Areas that are looked at: the kernel has fewer than 32. */
#define SWAP_AREAS_MAX 64

struct swap_area {
    char *path;
    uint64_t size, used; /* bytes */
    int priority;        /* higher is used first */
    bool zram;           /* is memory itself, compressed */
};

/* All areas in use, below @host_root ("" on a real host): *ret gets struct swap_area, which the
 * array owns. 0 or -errno. */
int swap_read(const char *host_root, GPtrArray **ret);

/*
 * Makes the file @path for swap space of @bytes, a multiple of a page (the file is one page
 * larger): all of its blocks are reserved, its header is written. False and @error, one line with
 * the cure: then there is no file. Takes as long as the file system needs for it. It is locked
 * (flock) until *fd is closed, so that nobody takes it for left over before it is in use.
 */
bool swap_make(const char *path, uint64_t bytes, int *fd, GError **error);

/* swapon(2), at the lowest priority. False and @error, one line. */
bool swap_on(const char *path, GError **error);

/* swapoff(2): brings back what is in it, however long that takes. 0 or -errno; -ENOMEM: memory does
 * not hold it, and it stays in use. */
int swap_off(const char *path);
