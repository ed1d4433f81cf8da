/* SPDX-License-Identifier: Apache-2.0 */
/* The host's memory, from /proc/meminfo (Documentation/filesystems/proc.rst). Bytes. */
#pragma once

#include <stdint.h>

struct meminfo {
    uint64_t total;     /* MemTotal */
    uint64_t free;      /* MemFree: holds nothing at all */
    uint64_t available; /* MemAvailable: can be had without swapping, an estimate of the kernel */
    uint64_t swap_total;
    uint64_t swap_free;
    uint64_t swap_cached; /* SwapCached: pages in memory that swap space has as well */
    uint64_t unmapped;    /* what of these nobody has mapped, an estimate */
    uint64_t zswap;       /* Zswap: what its pool occupies; MEMINFO_UNKNOWN */
    uint64_t zswapped;    /* Zswapped: the pages in it, as large as they were; MEMINFO_UNKNOWN */
};

/* Kernels without zswap, and before 5.19. */
#define MEMINFO_UNKNOWN UINT64_MAX

/* @host_root "" on a real host. Returns 0 or -errno; -EBADMSG where a value is missing. */
int meminfo_read(const char *host_root, struct meminfo *ret);
