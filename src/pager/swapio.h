/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the swap file: one io_uring per thread that does I/O, with the file and the
 * buffers registered, and restricted to reads, writes and polls of what is registered, so that a
 * pager that was taken over by a guest could not open anything through it. Buffers are aligned for
 * O_DIRECT.
 *
 * Not thread-safe: a ring belongs to the thread that called swapio_new, and the kernel refuses
 * others (-EEXIST).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Requests at a time, at most. */
#define SWAPIO_DEPTH_MAX 1024

struct swapio;

/* What is done, in the order of completion. */
struct swapio_done {
    void *tag;
    int result; /* bytes, or -errno; a short read or write is -EIO; for a poll its revents */
};

/*
 * A ring for at most @depth requests at a time over @fd, with @buffers buffers of @buffer_bytes (a
 * multiple of PAGE_BYTES) each. @poll_fd (-1: none) can be waited for along with them. Both
 * descriptors stay the caller's. 0 or -errno.
 */
int swapio_new(struct swapio **ret, int fd, int poll_fd, unsigned depth, unsigned buffers,
               size_t buffer_bytes);

/* What is under way is cancelled or comes to its end by itself; nobody hears of it. */
void swapio_free(struct swapio *io);

/* A buffer by number; the caller keeps account of which are in use. */
void *swapio_buffer(struct swapio *io, unsigned i);

/*
 * Queues a request for @bytes at @offset of the file with buffer @buffer, from its byte @at on. 0,
 * or -EBUSY: @depth requests are under way. Sent with the next swapio_wait.
 */
int swapio_read(struct swapio *io, unsigned buffer, size_t at, size_t bytes, uint64_t offset,
                void *tag);
int swapio_write(struct swapio *io, unsigned buffer, size_t at, size_t bytes, uint64_t offset,
                 void *tag);

/*
 * Completes once, with @tag, when @poll_fd is readable, at once if it is; then it is for the caller
 * to read it empty and to queue another. Beside the @depth requests. 0, or -EBUSY: one is queued
 * already.
 */
int swapio_poll(struct swapio *io, void *tag);

/*
 * Sends what is queued and takes up to @max completions; waits for the first one up to
 * @timeout_usec (0: does not wait; UINT64_MAX: for ever). All in one system call. The number, 0:
 * none within the time, or a signal came; or -errno.
 */
int swapio_wait(struct swapio *io, struct swapio_done *done, unsigned max, uint64_t timeout_usec);
