/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching to a process of our own, serving its memory by hand, and what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "device.h"
#include "pager/attach.h"
#include "pager/inject.h"
#include "target.h"

#define MIB    (UINT64_C(1) << 20)
#define NOBODY 65534

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

/* Takes the page out as an eviction does. */
static void page_out(const struct uffd *u, const struct target *t, uint64_t page,
                     uint8_t bytes[static PAGE_BYTES])
{
    off_t at = (off_t)(page * PAGE_BYTES);

    g_assert_cmpint(uffd_protect(u, u->start + (uint64_t)at, PAGE_BYTES), ==, 0);
    g_assert_cmpint(pread(t->memfd, bytes, PAGE_BYTES, at), ==, PAGE_BYTES);
    g_assert_cmpint(fallocate(t->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, PAGE_BYTES),
                    ==, 0);
}

/* Waits for its owner to touch it, and brings it back. */
static void page_in(const struct uffd *u, uint64_t page, const uint8_t bytes[static PAGE_BYTES])
{
    uint64_t address = u->start + page * PAGE_BYTES;

    g_assert_cmpuint(wait_for(u, address).bytes, ==, PAGE_BYTES);
    g_assert_cmpint(uffd_copy(u, address, bytes, PAGE_BYTES), ==, PAGE_BYTES);
    g_assert_cmpint(uffd_copy(u, address, bytes, PAGE_BYTES), ==, -EEXIST);
    g_assert_cmpint(uffd_zero(u, address, PAGE_BYTES), ==, -EEXIST);
    g_assert_cmpint(uffd_unprotect(u, address, PAGE_BYTES), ==, 0);
}

static void page_out_and_in(const struct uffd *u, const struct target *t, uint64_t page)
{
    uint8_t bytes[PAGE_BYTES];

    page_out(u, t, page, bytes);
    page_in(u, page, bytes);
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

/* Number of userfaultfds in it. */
static unsigned userfaultfds(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
    GDir *dir = g_dir_open(path, 0, NULL);
    unsigned found = 0;
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *entry = g_build_filename(path, name, NULL);
        g_autofree char *link = g_file_read_link(entry, NULL);

        found += g_strcmp0(link, "anon_inode:[userfaultfd]") == 0;
    }
    g_dir_close(dir);
    return found;
}

static void check_message(GError *error, enum attach_error code, const char *word)
{
    g_assert_error(error, ATTACH_ERROR, (int)code);
    if (!strstr(error->message, word) || strchr(error->message, '\n'))
        g_error("\"%s\" does not say \"%s\"", error->message, word);
}

static void detach(struct uffd *u, pid_t pid, int64_t number)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(uffd_unregister(u), ==, 0);
    fd_close(&u->fd);
    g_assert_true(attach_close(pid, (int)number, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(userfaultfds(pid), ==, 0);
}

/* A discard holds its thread, and everything else off, until its event is read. */
static void test_discard(void)
{
    struct victim v = victim_start("nanosleep", "touch=0");
    _Atomic int64_t number = -1;
    struct uffd_event event;
    struct target t;
    struct uffd u;

    find(&t, v.pid);
    attach_it(&u, &t, &number);
    g_assert_cmpint(uffd_zero(&u, u.start, 8 * PAGE_BYTES), ==, 8 * PAGE_BYTES);
    victim_tell(&v, "discard");
    while (poll(&(struct pollfd){.fd = u.fd, .events = POLLIN}, 1, 30000) != 1)
        ;
    g_assert_cmpint(uffd_zero(&u, u.start, PAGE_BYTES), ==, -EAGAIN);
    event = next_event(&u);
    g_assert_cmpint(event.kind, ==, UFFD_DISCARDED);
    g_assert_cmpuint(event.address, ==, u.start);
    g_assert_cmpuint(event.bytes, ==, 4 * PAGE_BYTES);
    victim_expect(&v, "rounds");
    /* Four are gone, four are there: a copy stops halfway, and says where. */
    g_assert_cmpint(uffd_zero(&u, u.start + PAGE_BYTES, 8 * PAGE_BYTES), ==, 3 * PAGE_BYTES);
    g_assert_cmpint(uffd_zero(&u, u.start + 4 * PAGE_BYTES, PAGE_BYTES), ==, -EEXIST);
    g_assert_cmpint(uffd_zero(&u, u.start + u.size, PAGE_BYTES), ==, -ENOENT);
    detach(&u, v.pid, number);
    victim_end(&v);
    target_clear(&t);
}

/* A pager dies with a fault read and not served. */
static void test_again(void)
{
    struct victim v = victim_start("nanosleep", "touch=1");
    g_autoptr(GError) error = NULL;
    struct pagemap_identity identity;
    _Atomic int64_t number = -1, second = -1;
    uint8_t bytes[PAGE_BYTES];
    struct target t;
    struct uffd u, other;

    find(&t, v.pid);
    identity = t.identity;
    attach_it(&u, &t, &number);
    g_assert_false(attach(&other, &t, &second, &error));
    check_message(error, ATTACH_ERROR_BUSY, "userfaultfd already");
    g_assert_cmpint(second, ==, -1);
    g_clear_error(&error);
    page_out(&u, &t, 5, bytes);
    (void)wait_for(&u, u.start + 5 * PAGE_BYTES);
    fd_close(&u.fd);
    target_clear(&t);

    g_assert_true(target_find_again(&t, &identity, &error));
    g_assert_false(attach_again(&u, &t, STDIN_FILENO, &error));
    check_message(error, ATTACH_ERROR_BUSY, "no userfaultfd");
    g_clear_error(&error);
    g_assert_true(attach_again(&u, &t, (int)number, &error));
    g_assert_cmpint(uffd_wake(&u, u.start, u.size), ==, 0);
    page_in(&u, 5, bytes);
    detach(&u, v.pid, number);
    g_assert_true(attach_close(v.pid, (int)number, &error)); /* is closed: left alone */
    g_assert_no_error(error);
    victim_end(&v);
    target_clear(&t);

    g_assert_false(target_find_again(&t, &identity, &error));
    check_message(error, ATTACH_ERROR_GONE, "ended");
}

static bool make_userfaultfd(struct injection *i, void *data, GError **error)
{
    return inject_call(i, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK, 0, 0, data, error);
}

/* Pagers killed right after the injection: before the number was stored, and after. */
static void test_left_over(void)
{
    struct victim v = victim_start("nanosleep", NULL);
    g_autoptr(GError) error = NULL;
    _Atomic int64_t number = -1;
    int64_t made = -1;
    struct target t;
    struct uffd u;

    find(&t, v.pid);
    g_assert_true(inject(v.pid, make_userfaultfd, &made, NULL, &error));
    attach_it(&u, &t, &number);
    g_assert_cmpint(number, ==, made);
    g_assert_cmpuint(userfaultfds(v.pid), ==, 1);
    detach(&u, v.pid, number);

    g_assert_true(inject(v.pid, make_userfaultfd, &made, NULL, &error));
    g_assert_true(attach_again(&u, &t, (int)made, &error));
    page_out_and_in(&u, &t, 0);
    detach(&u, v.pid, made);
    victim_end(&v);
    target_clear(&t);
}

static const struct refusal {
    const char *name, *option, *word;
    uint64_t size;
} refusals[] = {
    {"private", "private", "memory-backend-memfd", 8 * MIB},
    {"no-memfd", "private", "memory-backend-memfd", 0},
    {"other-size", "touch=1", "memory-backend-memfd", 16 * MIB},
    {"several-blocks", "touch=1", "several memory backends", 4 * MIB},
    {"locked", "locked", "mem-lock=on", 0},
    {"part", "offset", "part of a memfd", 0},
    {"twice", "twice", "second time", 0},
    {"vhost-user", "shared-with-child", "vhost-user", 0},
    {"vdpa", "device=/dev/vhost-vdpa-aerostat-test", "vhost-vdpa device", 0},
    {"scsi", "device=/dev/sg-aerostat-test", "SCSI pass-through", 0},
    {"scsi-block", "device=/dev/shm/aerostat-test-scsi-block", "scsi-hd", 0},
    {"direct", "direct=./aerostat-direct-test", "cache=writeback", 0},
};

static void test_refused(gconstpointer data)
{
    const struct refusal *r = data;
    struct victim v = victim_start("nanosleep", r->option);
    g_autoptr(GError) error = NULL;
    struct target t;

    g_assert_false(target_find(&t, v.pid, "web", r->size, &error));
    check_message(error, ATTACH_ERROR_REFUSED, r->word);
    g_assert_cmpint(t.memfd, ==, -1);
    g_assert_cmpint(t.pidfd, ==, -1);
    g_clear_error(&error);
    if (g_str_has_prefix(r->option, "d"))
        g_assert_false(target_check_devices(v.pid, &error));
    else
        g_assert_true(target_check_devices(v.pid, &error));
    victim_wait_rounds(&v, 1);
    victim_end(&v);
}

/* Refused when the call is made: nothing is left in the process. */
static void refuse_call(const char *option, const char *word)
{
    struct victim v = victim_start("nanosleep", option);
    g_autoptr(GError) error = NULL;
    _Atomic int64_t number = 7;
    struct target t;
    struct uffd u;

    find(&t, v.pid);
    g_assert_false(attach(&u, &t, &number, &error));
    check_message(error, ATTACH_ERROR_REFUSED, word);
    g_assert_cmpint(number, ==, -1);
    g_assert_cmpint(u.fd, ==, -1);
    g_assert_cmpuint(userfaultfds(v.pid), ==, 0);
    victim_wait_rounds(&v, 1);
    victim_end(&v);
    target_clear(&t);
}

static void test_seccomp(void)
{
    refuse_call("seccomp=errno", "userfaultfd(2)");
    refuse_call("seccomp=trap", "seccomp");
}

static void test_gone(void)
{
    struct victim v = victim_start("nanosleep", NULL);
    g_autoptr(GError) error = NULL;
    _Atomic int64_t number = -1;
    struct target t, again;
    struct uffd u;

    find(&t, v.pid);
    victim_kill(&v);
    g_assert_false(attach(&u, &t, &number, &error));
    check_message(error, ATTACH_ERROR_GONE, "");
    g_clear_error(&error);
    g_assert_false(target_find(&again, v.pid, "web", 0, &error));
    check_message(error, ATTACH_ERROR_GONE, "ended");
    target_clear(&t);
}

/* What somebody without rights is told. */
static void test_no_rights(void)
{
    struct victim v = victim_start("nanosleep", NULL);
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        g_autoptr(GError) error = NULL;
        struct target t;

        g_assert_cmpint(setuid(NOBODY), ==, 0);
        g_assert_false(target_find(&t, v.pid, "web", 0, &error));
        check_message(error, ATTACH_ERROR_REFUSED, "CAP_SYS_PTRACE");
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    victim_end(&v);
}

/* A process without rights, without and with access to /dev/userfaultfd. */
static void test_unprivileged(void)
{
    struct device_access access;
    _Atomic int64_t number = -1;
    autofd lock = -1;
    struct victim v;
    struct target t;
    struct uffd u;

    lock = device_lock();
    if (lock < 0 || !device_is_closed()) {
        g_test_skip("no " DEVICE " that is root's alone");
        return;
    }
    refuse_call("user=65534", "user 65534, which may not open /dev/userfaultfd");
    access = device_open_for(NOBODY);
    v = victim_start("calls", "user=65534");
    find(&t, v.pid);
    attach_it(&u, &t, &number);
    device_close(&access);
    for (uint64_t page = 0; page < 8; page++)
        page_out_and_in(&u, &t, page);
    detach(&u, v.pid, number);
    victim_end(&v);
    target_clear(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (geteuid() != 0) {
        g_print("1..0 # SKIP attaching needs root\n");
        return 0;
    }
    log_set_level(LOG_LEVEL_WARNING);
    g_test_add_func("/attach/serve", test_serve);
    g_test_add_func("/attach/discard", test_discard);
    g_test_add_func("/attach/again", test_again);
    g_test_add_func("/attach/left-over", test_left_over);
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/attach/refused/%s", refusals[i].name);

        g_test_add_data_func(path, &refusals[i], test_refused);
    }
    g_test_add_func("/attach/seccomp", test_seccomp);
    g_test_add_func("/attach/gone", test_gone);
    g_test_add_func("/attach/no-rights", test_no_rights);
    g_test_add_func("/attach/unprivileged", test_unprivileged);
    return g_test_run();
}
