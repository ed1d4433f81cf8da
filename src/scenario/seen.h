/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen of a run besides the daemon's own account: of a real one by the lab's own look,
 * of a simulated one because it is so. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The guest program's latest report. Sizes in bytes, counters since its start. */
struct agent_report {
    gint64 received;     /* g_get_monotonic_time(); 0: none yet */
    uint64_t operations; /* verified page touches and streamed pages */
    uint64_t wrong_pages;
    uint64_t owned;                                              /* memory it holds now */
    double latency_p50_usec, latency_p99_usec, latency_max_usec; /* of touches since last report */
    uint64_t mem_total, mem_free, mem_available, mem_cached, swap_total, swap_free;
    uint64_t pswpin, pswpout, pgmajfault, oom_kill, allocstall; /* pages and counts of vmstat */
    bool busy;       /* still at work on the last order (fill not yet complete, ...) */
    char error[128]; /* of the last order; empty: none */
};

/* What the host's kernel says of memory that belongs to no single guest. */
struct hostmem {
    uint64_t swap_cache; /* bytes that the kernel has put into swap but not dropped yet: nobody maps
                            them, and they are not free */
    bool ksm_runs;
    double ksm_rate;    /* pages/s that it looks at; 0 while it does not run */
    uint64_t ksm_saved; /* bytes that merging saves: pages that share one, and pages of zeros
                           that are the kernel's own now */
};

/* What a guest's pager has counted. Sizes in bytes; counts since the pager's first attachment, over
 * takeovers. */
struct pager_sample {
    bool known;                            /* there is a map */
    uint64_t zero, compressed, swapped;    /* of the guest's memory, out now */
    uint64_t evicted, loaded;              /* put out and brought back so far */
    uint64_t compressed_out, swapped_out;  /* of evicted: without I/O (zero pages too), and with */
    uint64_t discarded;                    /* given back by the guest meanwhile */
    uint64_t cache;                        /* memory that the compression cache occupies */
    uint64_t faults;                       /* touches of what was out... */
    uint64_t faults_swapped;               /* ...on disk */
    double fault_p50_usec, fault_p99_usec; /* of these */
    uint64_t takeovers, held_pages, io_errors, races;
};

static inline uint64_t pager_sample_out(const struct pager_sample *s)
{
    return s->zero + s->compressed + s->swapped;
}

/* How much of the guests' memory is the same, and what of that is merged. Bytes, without pages of
 * zeros: those need no memory of their own until they are written. */
struct identical_bytes {
    uint64_t possible; /* saved if each content were there but once */
    uint64_t saved;    /* are: by the frames of memory behind the pages */
};
