/* SPDX-License-Identifier: Apache-2.0 */
/* One report: what the worker did, and how the guest's kernel fares. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guest/shared.h"

/* Bytes, and counts since the guest's start; 0 where the kernel does not say. */
struct kernel_stats {
    uint64_t total, free, available, cached, swap_total, swap_free;
    uint64_t pswpin, pswpout, pgmajfault, oom_kill, allocstall;
};

/* The contents of /proc/meminfo and /proc/vmstat. */
void kernel_stats_parse(struct kernel_stats *ret, const char *meminfo, const char *vmstat);

struct reporter {
    int meminfo, vmstat; /* kept open */
    uint64_t start;      /* ns, CLOCK_MONOTONIC */
    uint64_t taken;      /* lines received on this connection, good or bad */
};

/* -errno, or 0. */
int reporter_init(struct reporter *reporter, uint64_t now);

/* Writes the line with its newline to @buf; its length, or 0 where @size does not do. @error:
 * static text, or NULL for the worker's. Takes the latencies from @shared. */
size_t reporter_write(const struct reporter *reporter, struct shared *shared, const char *error,
                      uint64_t now, char *buf, size_t size);
