/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's pager has counted, as its page map says (pager/map.h): the lab's own look, which
 * needs neither the daemon nor the pager to answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

/* Sizes in bytes; counts since the pager's first attachment, over takeovers. */
struct pager_sample {
    bool known;                            /* there is a map */
    uint64_t zero, compressed, swapped;    /* of the guest's memory, out now */
    uint64_t evicted, loaded;              /* put out and brought back so far */
    uint64_t compressed_out, swapped_out;  /* of evicted: without I/O (zero pages too), and with */
    uint64_t discarded;                    /* given back by the guest meanwhile */
    uint64_t cache;                        /* memory that the compression cache occupies */
    uint64_t faults;                       /* touches of what was out */
    double fault_p50_usec, fault_p99_usec; /* of these */
    uint64_t takeovers, held_pages, io_errors, races;
};

static inline uint64_t pager_sample_out(const struct pager_sample *s)
{
    return s->zero + s->compressed + s->swapped;
}

struct pagerview;

/* Of the guest called @name; nothing need be there yet. */
struct pagerview *pagerview_new(const char *memory_directory, const char *name);
void pagerview_free(struct pagerview *v);

/* Looks now. Where the map is gone (the guest has ended) what was last seen stays. */
void pagerview_look(struct pagerview *v, struct pager_sample *ret);

/* The process that serves now; 0: none. */
pid_t pagerview_pid(struct pagerview *v);

/* The guest has ended: so does its pager, or it is killed and a warning logged. */
void pagerview_end(struct pagerview *v);
