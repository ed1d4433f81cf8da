/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching to a process of our own, serving its memory by hand, and what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>

#include "base/cleanup.h"
#include "pager/attach.h"
#include "target.h"

#define MIB       (UINT64_C(1) << 20)
#define EVENT_MAX 16

static void find(struct target *t, pid_t pid)
{
    g_autoptr(GError) error = NULL;

    target_find(t, pid, "web", 0, &error);
    g_assert_no_error(error);
    g_assert_cmpint(t->identity.pid, ==, pid);
    g_assert_cmpuint(t->identity.ram_size, ==, 8 * MIB);
    g_assert_cmpstr(t->identity.name, ==, "web");
}

static void attach_it(struct uffd *u, const struct target *t, _Atomic int64_t *number)
{
    g_autoptr(GError) error = NULL;

    attach(u, t, number, &error);
    g_assert_no_error(error);
    g_assert_cmpint(*number, >=, 0);
    g_assert_cmpint(fcntl(u->fd, F_GETFL) & O_NONBLOCK, !=, 0);
    g_assert_cmpint(fcntl(u->fd, F_GETFD) & FD_CLOEXEC, !=, 0);
}

/* Waits for an event, but not for ever. */
static struct uffd_event next_event(const struct uffd *u)
{
    struct pollfd p = {.fd = u->fd, .events = POLLIN};
    struct uffd_event events[1];
    int n;

    do {
        g_assert_cmpint(poll(&p, 1, 30000), ==, 1);
        n = uffd_read(u, events, 1);
    } while (n == 0);
    g_assert_cmpint(n, ==, 1);
    return events[0];
}

/* Serves first touches and races of others until there is an event for @address. */
static struct uffd_event wait_for(const struct uffd *u, uint64_t address)
{
    for (;;) {
        struct uffd_event event = next_event(u);

        if (event.address == address)
            return event;
        if (event.kind == UFFD_MISSING)
            g_assert_cmpint(uffd_zero(u, event.address, PAGE_BYTES), ==, PAGE_BYTES);
        else
            g_assert_cmpint(uffd_unprotect(u, event.address, PAGE_BYTES), ==, 0);
    }
}

/* Takes the page out as an eviction does, and waits for its owner to touch it. */
static void page_out_and_in(const struct uffd *u, const struct target *t, uint64_t page)
{
    uint64_t address = u->start + page * PAGE_BYTES;
    uint8_t bytes[PAGE_BYTES];
    struct uffd_event event;

    g_assert_cmpint(uffd_protect(u, address, PAGE_BYTES), ==, 0);
    g_assert_cmpint(pread(t->memfd, bytes, PAGE_BYTES, (off_t)(page * PAGE_BYTES)), ==, PAGE_BYTES);
    g_assert_cmpint(fallocate(t->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              (off_t)(page * PAGE_BYTES), PAGE_BYTES),
                    ==, 0);
    event = wait_for(u, address);
    g_assert_cmpuint(event.bytes, ==, PAGE_BYTES);
    g_assert_cmpint(uffd_copy(u, address, bytes, PAGE_BYTES), ==, PAGE_BYTES);
    g_assert_cmpint(uffd_copy(u, address, bytes, PAGE_BYTES), ==, -EEXIST);
    g_assert_cmpint(uffd_zero(u, address, PAGE_BYTES), ==, -EEXIST);
    g_assert_cmpint(uffd_unprotect(u, address, PAGE_BYTES), ==, 0);
}

static void test_serve(void)
{
    struct victim v = victim_start("nanosleep", NULL);
    g_autoptr(GError) error = NULL;
    _Atomic int64_t number = -1;
    struct target t;
    struct uffd u;

    find(&t, v.pid);
    attach_it(&u, &t, &number);
    for (uint64_t page = 0; page < 8; page++)
        page_out_and_in(&u, &t, page);
    g_assert_cmpint(uffd_unregister(&u), ==, 0);
    fd_close(&u.fd);
    g_assert_true(attach_close(v.pid, (int)number, &error));
    g_assert_no_error(error);
    victim_end(&v);
    target_clear(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/attach/serve", test_serve);
    return g_test_run();
}
