/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: what is written is read again, what fails is told, and it does nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pager/files.h"
#include "pager/map.h"
#include "pager/swapio.h"
#include "scratch.h"

#define DEPTH  8
#define PAGES  64
#define BUFFER (4 * PAGE_BYTES)

struct fixture {
    char *directory, *path;
    int fd, event;
    struct swapio *io;
};

static void setup(struct fixture *f, gconstpointer buffered)
{
    GError *error = NULL;
    bool direct;

    f->directory = scratch_new(NULL);
    f->path = scratch_path(f->directory, "guest.swap");
    g_assert_true(swap_file_create(f->path, 0, &error));
    g_assert_cmpint(truncate(f->path, PAGES * PAGE_BYTES), ==, 0);
    f->fd = buffered ? open(f->path, O_RDWR | O_CLOEXEC) : swap_file_open(f->path, &direct);
    g_assert_cmpint(f->fd, >=, 0);
    f->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert_cmpint(swapio_new(&f->io, f->fd, f->event, DEPTH, DEPTH, BUFFER), ==, 0);
}

static void teardown(struct fixture *f, gconstpointer data)
{
    (void)data;
    swapio_free(f->io);
    (void)close(f->fd);
    (void)close(f->event);
    g_free(f->path);
    scratch_remove(f->directory);
}

/* Waits for @n completions, each with the tag GUINT(1 << i) and @result; each once. */
static void expect(struct swapio *io, unsigned n, int result)
{
    struct swapio_done done[3];
    unsigned seen = 0;

    while (seen != (1u << n) - 1) {
        int got = swapio_wait(io, done, G_N_ELEMENTS(done), UINT64_MAX);

        g_assert_cmpint(got, >=, 0);
        for (int i = 0; i < got; i++) {
            unsigned tag = GPOINTER_TO_UINT(done[i].tag);

            g_assert_cmpint(done[i].result, ==, result);
            g_assert_cmpuint(seen & tag, ==, 0);
            seen |= tag;
        }
    }
}

static void test_round(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < DEPTH; i++) {
        memset(swapio_buffer(f->io, i), 'a' + (int)i, BUFFER);
        g_assert_cmpint(
            swapio_write(f->io, i, 0, BUFFER, (DEPTH - 1 - i) * BUFFER, GUINT_TO_POINTER(1u << i)),
            ==, 0);
    }
    g_assert_cmpint(swapio_write(f->io, 0, 0, BUFFER, 0, NULL), ==, -EBUSY);
    g_assert_cmpint(swapio_read(f->io, 0, 0, BUFFER, 0, NULL), ==, -EBUSY);
    expect(f->io, DEPTH, BUFFER);

    /* Single pages, into the second page of each buffer. */
    for (unsigned i = 0; i < DEPTH; i++)
        g_assert_cmpint(swapio_read(f->io, i, PAGE_BYTES, PAGE_BYTES, i * BUFFER + PAGE_BYTES,
                                    GUINT_TO_POINTER(1u << i)),
                        ==, 0);
    expect(f->io, DEPTH, PAGE_BYTES);
    for (unsigned i = 0; i < DEPTH; i++) {
        const char *buffer = swapio_buffer(f->io, i);

        g_assert_cmpint(buffer[0], ==, 'a' + (int)i);
        g_assert_cmpint(buffer[PAGE_BYTES], ==, 'a' + (int)(DEPTH - 1 - i));
        g_assert_cmpint(buffer[2 * PAGE_BYTES - 1], ==, 'a' + (int)(DEPTH - 1 - i));
        g_assert_cmpint(buffer[2 * PAGE_BYTES], ==, 'a' + (int)i);
    }
}

static void test_short(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmpint(swapio_read(f->io, 0, 0, BUFFER, (PAGES - 1) * PAGE_BYTES, GUINT_TO_POINTER(1)),
                    ==, 0);
    g_assert_cmpint(swapio_read(f->io, 1, 0, BUFFER, PAGES * PAGE_BYTES, GUINT_TO_POINTER(2)), ==,
                    0);
    expect(f->io, 2, -EIO);
}

static void test_full_disk(void)
{
    autofd fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    struct swapio *io;

    g_assert_cmpint(swapio_new(&io, fd, -1, 1, 1, PAGE_BYTES), ==, 0);
    g_assert_cmpint(swapio_write(io, 0, 0, PAGE_BYTES, 0, GUINT_TO_POINTER(1)), ==, 0);
    expect(io, 1, -ENOSPC);
    swapio_free(io);
    g_assert_cmpint(swapio_new(&io, INT_MAX, -1, 1, 1, PAGE_BYTES), ==, -EBADF);
}

static void test_poll(struct fixture *f, gconstpointer data)
{
    struct swapio_done done[2];
    uint64_t value;

    (void)data;
    g_assert_cmpint(swapio_wait(f->io, done, 2, 0), ==, 0);
    g_assert_cmpint(swapio_poll(f->io, f), ==, 0);
    g_assert_cmpint(swapio_poll(f->io, f), ==, -EBUSY);
    g_assert_cmpint(swapio_wait(f->io, done, 2, 0), ==, 0);
    g_assert_cmpint(swapio_wait(f->io, done, 2, 1000), ==, 0);

    g_assert_cmpint(eventfd_write(f->event, 1), ==, 0);
    g_assert_cmpint(swapio_wait(f->io, done, 2, UINT64_MAX), ==, 1);
    g_assert_true(done[0].tag == f);
    g_assert_cmpint(done[0].result & POLLIN, ==, POLLIN);
    /* Not read yet, so it is still readable. */
    g_assert_cmpint(swapio_poll(f->io, &value), ==, 0);
    g_assert_cmpint(swapio_wait(f->io, done, 2, 10 * USEC_PER_SEC), ==, 1);
    g_assert_true(done[0].tag == &value);
    g_assert_cmpint(eventfd_read(f->event, &value), ==, 0);
    g_assert_cmpint(swapio_poll(f->io, f), ==, 0);
    g_assert_cmpint(swapio_wait(f->io, done, 2, 0), ==, 0);
}

/* The poll has its place beside a full set of requests. */
static void test_poll_beside(struct fixture *f, gconstpointer data)
{
    struct swapio_done done[DEPTH + 1];
    int n = 0;

    (void)data;
    g_assert_cmpint(eventfd_write(f->event, 1), ==, 0);
    for (unsigned i = 0; i < DEPTH; i++)
        g_assert_cmpint(swapio_read(f->io, i, 0, PAGE_BYTES, 0, NULL), ==, 0);
    g_assert_cmpint(swapio_poll(f->io, f), ==, 0);
    while (n < DEPTH + 1) {
        int got = swapio_wait(f->io, done, DEPTH + 1, UINT64_MAX);

        g_assert_cmpint(got, >, 0);
        n += got;
    }
    g_assert_cmpint(n, ==, DEPTH + 1);
}

static int ring_fd(void)
{
    for (int fd = 3; fd < 100; fd++) {
        char link[64] = "", name[64];

        g_snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        if (readlink(name, link, sizeof(link) - 1) > 0 && strstr(link, "io_uring"))
            return fd;
    }
    g_assert_not_reached();
}

static struct io_uring_sqe *entry_of(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

    if (!sqe)
        g_assert_not_reached();
    return sqe;
}

/* The kernel refuses what the ring was not made for, to who has taken over the process as well. */
static void test_restricted(struct fixture *f, gconstpointer data)
{
    struct io_uring_params params = {0};
    struct io_uring twin, other;
    struct io_uring_cqe *cqe;
    int fd = ring_fd();

    (void)data;
    g_assert_cmpint(syscall(__NR_io_uring_register, fd, IORING_REGISTER_EVENTFD, &f->event, 1), ==,
                    -1);
    g_assert_cmpint(errno, ==, EACCES);
    g_assert_cmpint(syscall(__NR_io_uring_register, fd, IORING_UNREGISTER_FILES, NULL, 0), ==, -1);
    g_assert_cmpint(errno, ==, EACCES);

    /* Another ring of the same size has the same layout: with it, entries can be forged. */
    g_assert_cmpint(io_uring_queue_init_params(DEPTH + 1, &other, &params), ==, 0);
    g_assert_cmpint(io_uring_queue_mmap(fd, &params, &twin), ==, 0);
    io_uring_prep_openat(entry_of(&twin), AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
    io_uring_prep_read(entry_of(&twin), f->fd, swapio_buffer(f->io, 0), 1, 0);
    io_uring_prep_read_fixed(entry_of(&twin), f->fd, swapio_buffer(f->io, 0), 512, 0, 0);
    g_assert_cmpint(io_uring_submit_and_wait(&twin, 3), ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(io_uring_peek_cqe(&twin, &cqe), ==, 0);
        g_assert_cmpint(cqe->res, ==, -EACCES);
        io_uring_cqe_seen(&twin, cqe);
    }
    io_uring_queue_exit(&other);
    (void)munmap(twin.sq.sqes, twin.sq.ring_entries * sizeof(struct io_uring_sqe));
    (void)munmap(twin.sq.ring_ptr, twin.sq.ring_sz);
}

int main(int argc, char **argv)
{
    static const bool buffered = true;

    g_test_init(&argc, &argv, NULL);
    g_test_add("/swapio/round/direct", struct fixture, NULL, setup, test_round, teardown);
    g_test_add("/swapio/round/buffered", struct fixture, &buffered, setup, test_round, teardown);
    g_test_add("/swapio/short/direct", struct fixture, NULL, setup, test_short, teardown);
    g_test_add("/swapio/short/buffered", struct fixture, &buffered, setup, test_short, teardown);
    g_test_add_func("/swapio/full-disk", test_full_disk);
    g_test_add("/swapio/poll", struct fixture, NULL, setup, test_poll, teardown);
    g_test_add("/swapio/poll-beside", struct fixture, NULL, setup, test_poll_beside, teardown);
    g_test_add("/swapio/restricted", struct fixture, NULL, setup, test_restricted, teardown);
    return g_test_run();
}
