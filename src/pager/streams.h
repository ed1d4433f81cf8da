/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which faults follow one another: a guest that reads page after page gets more and more of them
 * with each fault; one that touches pages here and there gets just what it asks for. Several
 * streams at a time are told apart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STREAMS        8
#define STREAM_RUN_MAX 64 /* pages */

/* So far behind a fault is read of a stream that is at its longest run. */
#define STREAM_AHEAD (4 * STREAM_RUN_MAX)

struct streams {
    struct stream {
        uint64_t next; /* page behind what was brought last */
        unsigned run;  /* pages brought at a time */
        uint64_t used; /* order of last use; 0: never */
        bool io;       /* the last fault on it was of the guest's own I/O; not used here */
    } stream[STREAMS];
    uint64_t clock;
};

/* A fault on @page. Returns how many pages, from it on, are to be brought; and the stream, for
 * streams_brought. */
unsigned streams_fault(struct streams *s, uint64_t page, struct stream **ret);

/* The pages up to @end (exclusive) have been brought, or are on their way. */
static inline void streams_brought(struct stream *stream, uint64_t end)
{
    stream->next = end;
}
