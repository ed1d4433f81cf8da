/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact measurement of a process's guest RAM: expensive (it walks page tables), and it can wait
 * for the process's locks. So it runs in a thread, for few processes at a time, and all scans
 * together use at most 1/PROCSCAN_PART of the time.
 *
 * Call from the main context only; results arrive there.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "host/ramfind.h"

#define PROCSCAN_PART    100 /* 1 % of the time of one processor */
#define PROCSCAN_RUNNING 2   /* scans at a time: one process that holds its lock stops no other */

struct procscan;
struct procscan_request;

struct procscan_result {
    int error;        /* 0, or -errno: -ENOENT the RAM is not there, -ESRCH process has ended */
    gint64 at;        /* its end, g_get_monotonic_time() */
    gint64 duration;  /* microseconds */
    uint64_t rss;     /* bytes of the blocks that the process has mapped in host memory */
    uint64_t swapped; /* bytes of the blocks in the host's swap */
    uint64_t anon;    /* bytes of anonymous memory of the whole process at that instant */
    bool mapped;      /* rss was measured; else the RAM is all memfd and fds[] tell it exactly */
    size_t n;         /* blocks */
    struct ram_range ranges[RAM_BLOCKS_MAX];
    int fds[RAM_BLOCKS_MAX]; /* number of the process's descriptor of the memfd; -1: none found */
};

typedef void (*procscan_fn)(const struct procscan_result *result, void *data);

struct procscan *procscan_new(const char *host_root);

/* Outstanding requests are dropped: their functions are not called. */
void procscan_free(struct procscan *s);

/*
 * Asks for a scan of the process whose /proc directory is @dirfd (duplicated). @urgent ones go
 * first and do not wait for the time budget. @done is called once, unless cancelled before. NULL:
 * no descriptor left.
 */
struct procscan_request *procscan_submit(struct procscan *s, int dirfd,
                                         const struct ram_block *blocks, size_t n, bool urgent,
                                         procscan_fn done, void *data);

/* Not after @done was called. */
void procscan_cancel(struct procscan_request *request);
