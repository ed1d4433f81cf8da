/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a segment is written after its memory is there and before any record is, so where a
 * header is, all of the segment's memory is. A pager that is killed between allocating and use, or
 * between retiring and punching, leaves memory that nobody counts: the next one punches all that it
 * does not adopt.
 */
#include "pager/segments.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SEGMENT_MAGIC UINT64_C(0x544e4d474553414f)

/* An offset has 43 bits in the page map; 27 of them are the segment's number. */
#define SEGMENTS_MAX (UINT32_C(1) << 27)

static int open_file(const char *path, uint64_t *bytes)
{
    autofd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    /* Never shorter than it was: something in use may be there. */
    if ((uint64_t)st.st_size > *bytes)
        *bytes = (uint64_t)st.st_size / SEGMENT_BYTES * SEGMENT_BYTES;
    else if (ftruncate(fd, (off_t)*bytes) < 0)
        return -errno;
    return fd_take(&fd);
}

int segments_open(struct segments *s, const char *path, uint64_t bytes)
{
    bytes = (bytes + SEGMENT_BYTES - 1) / SEGMENT_BYTES * SEGMENT_BYTES;
    *s = (struct segments){.free = SEGMENT_NONE, .oldest = SEGMENT_NONE, .newest = SEGMENT_NONE};
    s->fd = open_file(path, &bytes);
    if (s->fd < 0)
        return s->fd;
    s->bytes = bytes;
    s->count =
        bytes / SEGMENT_BYTES < SEGMENTS_MAX ? (uint32_t)(bytes / SEGMENT_BYTES) : SEGMENTS_MAX;
    s->table = calloc(s->count + 1, sizeof(*s->table));
    s->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, s->fd, 0);
    if (!s->table || s->memory == MAP_FAILED) {
        s->memory = s->memory == MAP_FAILED ? NULL : s->memory;
        segments_close(s);
        return -ENOMEM;
    }
    (void)madvise(s->memory, bytes, MADV_DONTDUMP);
    return 0;
}

void segments_close(struct segments *s)
{
    if (s->memory)
        (void)munmap(s->memory, s->bytes);
    free(s->table);
    fd_close(&s->fd);
    *s = (struct segments){.fd = -1};
}

/* Makes it the newest in use. */
static void append(struct segments *s, uint32_t i)
{
    s->table[i].next = SEGMENT_NONE;
    s->table[i].previous = s->newest;
    *(s->newest == SEGMENT_NONE ? &s->oldest : &s->table[s->newest].next) = i;
    s->newest = i;
}

int segments_adopt(struct segments *s, uint32_t i, bool *adopted)
{
    struct segment_header header;
    int r;

    assert(i < s->count && !s->table[i].used);
    *adopted = false;
    /* Read, not looked at: looking at a hole would fill it. */
    if (pread(s->fd, &header, sizeof(header), (off_t)(i * SEGMENT_BYTES)) != sizeof(header) ||
        header.magic != SEGMENT_MAGIC)
        return 0;
    r = segments_allocate(s, i);
    if (r < 0)
        return r;
    s->table[i].used = true;
    s->table[i].sequence = header.sequence;
    *adopted = true;
    return 0;
}

static int by_sequence(const void *a, const void *b, void *table)
{
    uint64_t x = ((const struct segment *)table)[*(const uint32_t *)a].sequence;
    uint64_t y = ((const struct segment *)table)[*(const uint32_t *)b].sequence;

    return x < y ? -1 : x > y;
}

/* Gives back the memory of the segments @from up to, not with, @to. */
static int punch(const struct segments *s, uint64_t from, uint64_t to)
{
    if (from < to &&
        fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(from * SEGMENT_BYTES),
                  (off_t)((to - from) * SEGMENT_BYTES)) < 0)
        return -errno;
    return 0;
}

/* Punches between the segments in use, and puts those that are free on the list. */
static int free_others(struct segments *s)
{
    uint32_t from = 0;
    int r;

    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->table[i].used)
            continue;
        r = punch(s, from, i);
        if (r < 0)
            return r;
        while (from < i)
            segments_return(s, from++);
        from = i + 1;
    }
    s->fresh = from;
    return punch(s, from, s->count);
}

int segments_settle(struct segments *s)
{
    uint32_t *order, n = 0;
    int r;

    /* Nothing is written to entries that were not in use: they cost no memory. */
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->table[i].used && s->table[i].live == 0)
            s->table[i].used = false;
        n += s->table[i].used;
    }
    order = malloc((n + 1) * sizeof(*order));
    if (!order)
        return -ENOMEM;
    n = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->table[i].used)
            order[n++] = i;
    }
    qsort_r(order, n, sizeof(*order), by_sequence, s->table);
    for (uint32_t i = 0; i < n; i++)
        append(s, order[i]);
    s->sequence = n > 0 ? s->table[order[n - 1]].sequence + 1 : 1;
    free(order);
    r = free_others(s);
    return r < 0 ? r : (int)n;
}

uint32_t segments_reserve(struct segments *s)
{
    uint32_t i = s->free;

    if (i != SEGMENT_NONE)
        s->free = s->table[i].next;
    else if (s->fresh < s->count)
        i = s->fresh++;
    return i;
}

int segments_allocate(struct segments *s, uint32_t i)
{
    while (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)(i * SEGMENT_BYTES), (off_t)SEGMENT_BYTES) <
           0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

void segments_use(struct segments *s, uint32_t i)
{
    struct segment_header *header = (struct segment_header *)segment_memory(s, i);

    assert(!s->table[i].used);
    s->table[i] = (struct segment){.used = true, .sequence = s->sequence++};
    append(s, i);
    header->sequence = s->table[i].sequence;
    header->magic = SEGMENT_MAGIC;
}

void segments_retire(struct segments *s, uint32_t i)
{
    uint32_t next = s->table[i].next, previous = s->table[i].previous;

    assert(s->table[i].used && s->table[i].live == 0);
    *(next == SEGMENT_NONE ? &s->newest : &s->table[next].previous) = previous;
    *(previous == SEGMENT_NONE ? &s->oldest : &s->table[previous].next) = next;
    s->table[i].used = false;
}

void segments_punch(struct segments *s, uint32_t i)
{
    int r = punch(s, i, i + UINT64_C(1));

    /* Nothing that this process could do wrong, or right, about it. */
    (void)r;
}

void segments_return(struct segments *s, uint32_t i)
{
    s->table[i].next = s->free;
    s->free = i;
}
