/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the swap file: one io_uring per thread that does I/O, with the file and the
 * buffers registered, and restricted to reads, writes and polls of what is registered, so that a
 * pager that was taken over by a guest could not open anything through it. Buffers are aligned for
 * O_DIRECT.
 *
 * Not thread-safe: a ring belongs to its thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swapio;

/* What is done, in the order of completion. */
struct swapio_done {
    void *tag;
    int result; /* bytes, or -errno; a short read or write is -EIO; for a poll its revents */
};

/*
 * A ring for at most @depth requests at a time over @fd, with @buffers buffers of @buffer_bytes (a
 * multiple of PAGE_BYTES) each. 0 or -errno.
 */
int swapio_new(struct swapio **ret, int fd, unsigned depth, unsigned buffers, size_t buffer_bytes);
void swapio_free(struct swapio *io);

/* A buffer by number; the caller keeps account of which are in use. */
void *swapio_buffer(struct swapio *io, unsigned i);

/*
 * Queues a request for @bytes at @offset of the file with buffer @buffer, from its byte @at on. 0,
 * or -EBUSY: @depth requests are under way. Sent with the next swapio_submit or swapio_wait.
 */
int swapio_read(struct swapio *io, unsigned buffer, size_t at, size_t bytes, uint64_t offset,
                void *tag);
int swapio_write(struct swapio *io, unsigned buffer, size_t at, size_t bytes, uint64_t offset,
                 void *tag);

/* Watches a descriptor that was named at the start (swapio_watch) once more. */
int swapio_poll(struct swapio *io, int fd, void *tag);

int swapio_submit(struct swapio *io);

/* Takes up to @max completions; waits for the first one up to @timeout_usec (0: does not wait;
 * UINT64_MAX: for ever). The number, or -errno. */
int swapio_wait(struct swapio *io, struct swapio_done *done, unsigned max, uint64_t timeout_usec);

/* Requests queued or under way. */
unsigned swapio_pending(const struct swapio *io);
