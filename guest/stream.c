/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file through the guest's page cache: written once, then read from its beginning to its end,
 * once or for ever. Its pages are made and verified like those of owned memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "guest/worker.h"

#define FILE_NAME   "stream"
#define CHUNK_PAGES 16u /* to a read or write */

/* Pages of the file are of this version; their numbers are those of no owned page. */
#define FILE_VERSION 1u
#define FILE_NUMBER  PAGES_MAX

struct chunk {
    uint64_t words[CHUNK_PAGES * PAGE_WORDS];
};

/* The whole chunk at @offset, or false and errno. */
static bool transfer(int fd, struct chunk *chunk, uint64_t bytes, uint64_t offset, bool write_it)
{
    ssize_t done =
        write_it ? pwrite(fd, chunk, bytes, (off_t)offset) : pread(fd, chunk, bytes, (off_t)offset);

    if (done >= 0 && (uint64_t)done != bytes)
        errno = write_it ? ENOSPC : EIO;
    return done >= 0 && (uint64_t)done == bytes;
}

static void make_pages(const struct worker *w, struct chunk *chunk, uint64_t bytes, uint64_t offset)
{
    for (uint64_t i = 0; i < bytes / PAGE_BYTES; i++)
        content_write(chunk->words + i * PAGE_WORDS, content_random(), w->pages.seed,
                      FILE_NUMBER + offset / PAGE_BYTES + i, FILE_VERSION);
}

static void check_pages(struct worker *w, const struct chunk *chunk, uint64_t bytes,
                        uint64_t offset)
{
    for (uint64_t i = 0; i < bytes / PAGE_BYTES; i++)
        worker_count(w,
                     content_matches(chunk->words + i * PAGE_WORDS, content_random(), w->pages.seed,
                                     FILE_NUMBER + offset / PAGE_BYTES + i, FILE_VERSION));
}

static uint64_t chunk_at(uint64_t offset, uint64_t end)
{
    return end - offset < sizeof(struct chunk) ? end - offset : sizeof(struct chunk);
}

/* What the file is short of. False where it failed or was interrupted. */
static bool write_file(struct worker *w, int fd, uint64_t end)
{
    static struct chunk chunk;
    uint64_t bytes;

    for (; w->streamed < end; w->streamed += bytes) {
        if (worker_interrupted(w))
            return false;
        bytes = chunk_at(w->streamed, end);
        make_pages(w, &chunk, bytes, w->streamed);
        if (!transfer(fd, &chunk, bytes, w->streamed, true)) {
            worker_fail(w, "stream: cannot write the file", errno);
            return false;
        }
    }
    return true;
}

static bool read_file(struct worker *w, int fd, uint64_t end)
{
    static struct chunk chunk;
    uint64_t bytes;

    for (uint64_t offset = 0; offset < end; offset += bytes) {
        if (worker_interrupted(w))
            return false;
        bytes = chunk_at(offset, end);
        if (!transfer(fd, &chunk, bytes, offset, false)) {
            worker_fail(w, "stream: cannot read the file", errno);
            return false;
        }
        check_pages(w, &chunk, bytes, offset);
    }
    return true;
}

void worker_stream(struct worker *w, const struct order *order)
{
    uint64_t end = (order->bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    char path[PATH_MAX];
    autofd fd = -1;

    if (!w->places.scratch) {
        worker_fail(w, "stream: this guest has no scratch disk", 0);
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/" FILE_NAME, w->places.scratch);
    /* A new worker begins a new file. */
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (w->streamed ? 0 : O_TRUNC), 0600);
    if (fd < 0) {
        worker_fail(w, "stream: cannot open the file", errno);
        return;
    }
    if (!write_file(w, fd, end))
        return;
    while (read_file(w, fd, end) && order->repeat && end)
        ;
}
