/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring is made disabled, gets its descriptors and buffers, is restricted, and only then
 * enabled: from there on it reads, writes and polls these, and can't be given others.
 *
 * The flags are for latency: completions are worked on by the thread that waits for them, in the
 * call that waits (DEFER_TASKRUN), instead of interrupting it; a kernel before 6.1 does without.
 * Sources: io_uring_setup(2), io_uring_register(2).
 */
#include "pager/swapio.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pager/map.h"

/* Places in the table of registered descriptors. */
enum {
    FILE_SWAP,
    FILE_POLL,
};

struct request {
    void *tag;
    size_t bytes;         /* 0: a poll */
    struct request *next; /* free ones */
};

struct swapio {
    struct io_uring ring;
    char *memory; /* the buffers, one registered area */
    unsigned buffers;
    size_t buffer_bytes;
    bool can_poll, polling;
    struct request poll;
    struct request *free;
    struct request requests[];
};

static int make_ring(struct io_uring *ring, unsigned depth)
{
    /* From what is best to what each kernel with the pager's userfaultfd (5.19) has. */
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_COOP_TASKRUN,
    };
    int r = -EINVAL;

    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags) && r == -EINVAL; i++)
        r = io_uring_queue_init(depth + 1, ring,
                                IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | flags[i]);
    return r;
}

/* liburing 2.3 has functions for these, but does not export them. */
static int ring_register(struct io_uring *ring, unsigned operation, const void *argument,
                         unsigned n)
{
    return syscall(__NR_io_uring_register, ring->ring_fd, operation, argument, n) < 0 ? -errno : 0;
}

static int restrict_ring(struct io_uring *ring)
{
    static const struct io_uring_restriction allowed[] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ_FIXED},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE_FIXED},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_POLL_ADD},
        {.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE},
    };

    return ring_register(ring, IORING_REGISTER_RESTRICTIONS, allowed,
                         sizeof(allowed) / sizeof(*allowed));
}

/* Everything that the ring is allowed to touch; then it is enabled. */
static int equip(struct swapio *io, int fd, int poll_fd)
{
    struct iovec area = {io->memory, io->buffers * io->buffer_bytes};
    int files[] = {[FILE_SWAP] = fd, [FILE_POLL] = poll_fd};
    int r = io_uring_register_files(&io->ring, files, poll_fd < 0 ? 1 : 2);

    if (r >= 0)
        r = io_uring_register_buffers(&io->ring, &area, 1);
    if (r >= 0)
        r = restrict_ring(&io->ring);
    if (r >= 0)
        r = ring_register(&io->ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    return r;
}

int swapio_new(struct swapio **ret, int fd, int poll_fd, unsigned depth, unsigned buffers,
               size_t buffer_bytes)
{
    struct swapio *io;
    int r;

    assert(fd >= 0 && depth > 0 && depth <= SWAPIO_DEPTH_MAX && buffers > 0);
    assert(buffer_bytes > 0 && buffer_bytes % PAGE_BYTES == 0);
    io = calloc(1, sizeof(*io) + depth * sizeof(io->requests[0]));
    if (!io)
        return -ENOMEM;
    io->buffers = buffers;
    io->buffer_bytes = buffer_bytes;
    io->can_poll = poll_fd >= 0;
    for (unsigned i = 0; i < depth; i++)
        io->requests[i].next = i + 1 < depth ? &io->requests[i + 1] : NULL;
    io->free = io->requests;
    io->memory = mmap(NULL, buffers * buffer_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (io->memory == MAP_FAILED) {
        free(io);
        return -ENOMEM;
    }
    r = make_ring(&io->ring, depth);
    if (r >= 0) {
        r = equip(io, fd, poll_fd);
        if (r >= 0) {
            *ret = io;
            return 0;
        }
        io_uring_queue_exit(&io->ring);
    }
    (void)munmap(io->memory, buffers * buffer_bytes);
    free(io);
    return r;
}

void swapio_free(struct swapio *io)
{
    if (!io)
        return;
    io_uring_queue_exit(&io->ring);
    /* A read that is still under way goes to the pages, which the kernel holds, not to the address.
     */
    (void)munmap(io->memory, io->buffers * io->buffer_bytes);
    free(io);
}

void *swapio_buffer(struct swapio *io, unsigned i)
{
    assert(i < io->buffers);
    return io->memory + i * io->buffer_bytes;
}

/* The ring has room for all requests and the poll. */
static struct io_uring_sqe *next_entry(struct swapio *io)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

    assert(sqe);
    return sqe;
}

static void address(struct io_uring_sqe *sqe, struct request *request)
{
    io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
    io_uring_sqe_set_data(sqe, request);
}

static struct request *request_new(struct swapio *io, size_t bytes, void *tag)
{
    struct request *request = io->free;

    if (!request)
        return NULL;
    io->free = request->next;
    *request = (struct request){.tag = tag, .bytes = bytes};
    return request;
}

static void *buffer_at(struct swapio *io, unsigned buffer, size_t at, size_t bytes)
{
    assert(at <= io->buffer_bytes && bytes > 0 && bytes <= io->buffer_bytes - at);
    return (char *)swapio_buffer(io, buffer) + at;
}

static int queue(struct swapio *io, int operation, void *memory, size_t bytes, uint64_t offset,
                 void *tag)
{
    struct request *request = request_new(io, bytes, tag);
    struct io_uring_sqe *sqe;

    if (!request)
        return -EBUSY;
    sqe = next_entry(io);
    io_uring_prep_rw(operation, sqe, FILE_SWAP, memory, (unsigned)bytes, offset);
    sqe->buf_index = 0; /* all buffers are registered as one piece */
    address(sqe, request);
    return 0;
}

int swapio_read(struct swapio *io, unsigned buffer, size_t at, size_t bytes, uint64_t offset,
                void *tag)
{
    return queue(io, IORING_OP_READ_FIXED, buffer_at(io, buffer, at, bytes), bytes, offset, tag);
}

int swapio_write(struct swapio *io, unsigned buffer, size_t at, size_t bytes, uint64_t offset,
                 void *tag)
{
    return queue(io, IORING_OP_WRITE_FIXED, buffer_at(io, buffer, at, bytes), bytes, offset, tag);
}

int swapio_poll(struct swapio *io, void *tag)
{
    struct io_uring_sqe *sqe;

    assert(io->can_poll);
    if (io->polling)
        return -EBUSY;
    io->polling = true;
    io->poll = (struct request){.tag = tag};
    sqe = next_entry(io);
    io_uring_prep_poll_add(sqe, FILE_POLL, POLLIN);
    address(sqe, &io->poll);
    return 0;
}

static struct swapio_done finish(struct swapio *io, struct request *request, int result)
{
    struct swapio_done done = {.tag = request->tag, .result = result};

    if (request == &io->poll) {
        io->polling = false;
        return done;
    }
    if (result >= 0 && (size_t)result != request->bytes)
        done.result = -EIO;
    request->next = io->free;
    io->free = request;
    return done;
}

static unsigned take_done(struct swapio *io, struct swapio_done *done, unsigned max)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&io->ring, head, cqe)
    {
        if (n == max)
            break;
        done[n++] = finish(io, io_uring_cqe_get_data(cqe), cqe->res);
    }
    io_uring_cq_advance(&io->ring, n);
    return n;
}

/* Sends, and waits where nothing is done yet. 0 or -errno; -ETIME and -EINTR among them. */
static int enter(struct swapio *io, uint64_t timeout_usec)
{
    struct __kernel_timespec timeout = {
        .tv_sec = (int64_t)(timeout_usec / USEC_PER_SEC),
        .tv_nsec = (int64_t)(timeout_usec % USEC_PER_SEC * 1000),
    };
    struct io_uring_cqe *cqe;
    int r;

    if (timeout_usec == 0 || io_uring_cq_ready(&io->ring) > 0)
        r = io_uring_submit_and_get_events(&io->ring);
    else if (timeout_usec == UINT64_MAX)
        r = io_uring_submit_and_wait(&io->ring, 1);
    else
        r = io_uring_submit_and_wait_timeout(&io->ring, &cqe, 1, &timeout, NULL);
    return r < 0 ? r : 0;
}

int swapio_wait(struct swapio *io, struct swapio_done *done, unsigned max, uint64_t timeout_usec)
{
    int r = enter(io, timeout_usec);
    unsigned n = take_done(io, done, max);

    if (n == 0 && r < 0 && r != -ETIME && r != -EINTR)
        return r;
    return (int)n;
}
