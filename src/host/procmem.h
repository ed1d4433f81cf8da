/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much host memory a VMM process uses for its guest's RAM, and how much besides.
 * Cheap enough for every poll of every guest: see the model in procmem.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/procscan.h"

/* An exact measurement of one process is not asked for more often than this. */
#define PROCMEM_SCAN_INTERVAL_USEC (2 * G_USEC_PER_SEC)
/* But private RAM is where the process has grown so much since the last one: part of it may be the
 * VMM's own. */
#define PROCMEM_SCAN_SOON_USEC  (G_USEC_PER_SEC / 4)
#define PROCMEM_SCAN_SOON_BYTES (UINT64_C(8) << 20)
/* The same after a scan that failed (RAM not found, no right to look). */
#define PROCMEM_RETRY_USEC (30 * G_USEC_PER_SEC)

struct procmem;

struct procmem_sample {
    enum ram_kind kind; /* RAM_UNKNOWN: not found (yet), and resident is the largest it can be */
    uint64_t resident;  /* bytes of guest RAM in host memory */
    uint64_t overhead;  /* bytes of the process that are no guest RAM */
    int error;          /* of the last exact measurement: 0, or -errno (see procscan_result) */
    /* Where it is in the process; none while it is not known. The procmem's own, until it is next
     * asked. */
    const struct ram_range *ranges;
    size_t n_ranges;
    uint64_t other_anon; /* bytes of anonymous memory that are no guest RAM, at the last exact
                            measurement; of private RAM only */
};

/*
 * Of the process that has the id @pid now: a later process with the same id is never taken for it.
 * @scan must outlive it. NULL and errno where there is no such process.
 */
struct procmem *procmem_new(struct procscan *scan, const char *host_root, pid_t pid);
void procmem_free(struct procmem *p);

/* The guest's RAM as the VMM describes it; n in 1..RAM_BLOCKS_MAX. Looked for again if it changed.
 */
void procmem_set_blocks(struct procmem *p, const struct ram_block *blocks, size_t n);

/* Returns 0, -ESRCH: the process has ended, or another -errno: it can't be looked at. */
int procmem_measure(struct procmem *p, struct procmem_sample *ret);
