/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of the compression cache, cut into segments: which are in use, in what order they came
 * into use, and their memory. What is in them is cache.c's. A segment in use is allocated as a
 * whole, so that touching it is never a SIGBUS; one that is not is a hole.
 *
 * A segment's way: free -> segments_reserve -> segments_allocate -> segments_use, and back:
 * segments_retire -> segments_punch -> segments_return. allocate and punch are system calls and may
 * be called at any time by who has reserved or retired the segment; the others change the table,
 * and the caller sees to it that only one thread is in them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_BYTES UINT64_C(65536)

/* At the start of each segment in use. */
struct segment_header {
    uint64_t magic;
    uint64_t sequence; /* a later one came into use later */
};

#define SEGMENT_NONE UINT32_MAX

struct segment {
    uint64_t sequence;
    uint32_t live;           /* bytes of records that are alive; kept by cache.c */
    uint32_t next, previous; /* in order of use, or of the free ones; SEGMENT_NONE at the ends */
    bool used;
};

struct segments {
    int fd;
    char *memory; /* the whole file, mapped */
    uint64_t bytes;
    uint32_t count;
    uint32_t fresh;          /* from this one on, none was in use */
    uint32_t free;           /* first of the others that are free */
    uint32_t oldest, newest; /* in use */
    uint64_t sequence;       /* of the next one */
    struct segment *table;
};

/* Opens or makes the file, with room for @bytes. Nothing is in use. 0 or -errno. */
int segments_open(struct segments *s, const char *path, uint64_t bytes);
void segments_close(struct segments *s);

/*
 * For a file that was there: takes a segment of it into use, if it is one (*adopted). 0, or -errno:
 * not now; nothing has been changed.
 */
int segments_adopt(struct segments *s, uint32_t i, bool *adopted);

/* Orders what was adopted and has something alive in it, and frees all else. Once, before the rest.
 * Returns how many are in use, or -errno. */
int segments_settle(struct segments *s);

/* A free segment, or SEGMENT_NONE. */
uint32_t segments_reserve(struct segments *s);
int segments_allocate(struct segments *s, uint32_t i);
void segments_use(struct segments *s, uint32_t i); /* as the newest */

void segments_retire(struct segments *s, uint32_t i);
void segments_punch(struct segments *s, uint32_t i);
void segments_return(struct segments *s, uint32_t i);

static inline char *segment_memory(const struct segments *s, uint32_t i)
{
    return s->memory + i * SEGMENT_BYTES;
}
