/* SPDX-License-Identifier: Apache-2.0 */
/* What a process in the sandbox can still do, and that everything else ends it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/map.h"
#include "pager/sandbox.h"
#include "pager/uffd.h"

enum {
    EXIT_GOOD = 0,
    EXIT_STILL_HERE = 1, /* the forbidden call returned */
    EXIT_NO_SANDBOX = 2,
};

#define MEMORY_BYTES (16 * PAGE_BYTES)

/* What a pager has open. */
static struct {
    struct uffd uffd;
    uint8_t *memory;
    int memfd, order, other; /* @other is not kept */
} have;

static atomic_int stage; /* 1: the second thread may act */
static void (*forbidden)(void);

static void *second_thread(void *data)
{
    (void)data;
    while (stage == 0)
        (void)sched_yield();
    if (forbidden)
        forbidden();
    _exit(EXIT_STILL_HERE);
}

/* In a child: everything open, a second thread runs, then the sandbox. */
static void enter(void)
{
    int pair[2], keep[3];
    pthread_t thread;
    GError *error = NULL;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
    have.order = pair[0];
    have.other = pair[1];
    have.memfd = memfd_create("guest", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(have.memfd, MEMORY_BYTES), ==, 0);
    have.memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, have.memfd, 0);
    have.uffd = (struct uffd){.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK),
                              .start = (uintptr_t)have.memory,
                              .size = MEMORY_BYTES};
    g_assert_cmpint(uffd_handshake(have.uffd.fd), ==, 0);
    g_assert_cmpint(uffd_register(&have.uffd), ==, 0);
    keep[0] = have.memfd;
    keep[1] = have.uffd.fd;
    keep[2] = have.order;
    if (!sandbox_drop_privileges(&error) ||
        pthread_create(&thread, NULL, second_thread, NULL) != 0 ||
        !sandbox_enter(keep, G_N_ELEMENTS(keep), &error))
        _exit(EXIT_NO_SANDBOX);
}

static int run_child(void (*child)(void))
{
    int status;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        child();
        _exit(EXIT_GOOD);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    return status;
}

/* Everything a pager does while it serves. */
static void child_serves(void)
{
    static uint8_t page[PAGE_BYTES];
    struct uffd_event event;
    struct pollfd p;
    void *more;

    enter();
    memset(page, 7, sizeof(page));
    g_assert_cmpint(uffd_copy(&have.uffd, have.uffd.start, page, PAGE_BYTES), ==, PAGE_BYTES);
    g_assert_cmpint(uffd_zero(&have.uffd, have.uffd.start + PAGE_BYTES, PAGE_BYTES), ==,
                    PAGE_BYTES);
    g_assert_cmpint(uffd_protect(&have.uffd, have.uffd.start, PAGE_BYTES), ==, 0);
    g_assert_cmpint(uffd_unprotect(&have.uffd, have.uffd.start, PAGE_BYTES), ==, 0);
    g_assert_cmpint(uffd_wake(&have.uffd, have.uffd.start, MEMORY_BYTES), ==, 0);
    g_assert_cmpint(have.memory[0], ==, 7);
    g_assert_cmpint(uffd_read(&have.uffd, &event, 1), ==, 0);
    g_assert_cmpint(pread(have.memfd, page, 1, 0), ==, 1);
    g_assert_cmpint(lseek(have.memfd, 0, SEEK_HOLE), >, 0);
    g_assert_cmpint(
        fallocate(have.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE_BYTES), ==, 0);
    g_assert_cmpint(uffd_unregister(&have.uffd), ==, 0);
    p = (struct pollfd){.fd = have.order, .events = POLLIN};
    g_assert_cmpint(poll(&p, 1, 0), ==, 1); /* its other end was closed */
    g_assert_cmpint(recv(have.order, page, 1, MSG_DONTWAIT), ==, 0);
    more = malloc(1 << 22);
    g_assert_nonnull(more);
    free(more);
    log_error("%s", "a message of the sandboxed process");
}

static void test_serves(void)
{
    int status = run_child(child_serves);

    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, EXIT_GOOD);
}

static void child_descriptors(void)
{
    enter();
    if (write(have.other, "x", 1) != -1 || errno != EBADF)
        _exit(EXIT_STILL_HERE);
}

static void test_descriptors(void)
{
    g_assert_cmpint(run_child(child_descriptors), ==, 0);
}

/* Threads that run already must have dropped theirs. */
static void child_too_late(void)
{
    GError *error = NULL;
    pthread_t thread;

    g_assert_cmpint(pthread_create(&thread, NULL, second_thread, NULL), ==, 0);
    g_assert_true(sandbox_drop_privileges(&error));
    g_assert_false(sandbox_enter(NULL, 0, &error));
    g_assert_nonnull(strstr(error->message, "capabilities"));
}

static void test_too_late(void)
{
    g_assert_cmpint(run_child(child_too_late), ==, 0);
}

static void do_open(void)
{
    (void)open("/dev/null", O_RDONLY);
}

static void do_openat_raw(void)
{
    (void)syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR);
}

static void do_socket(void)
{
    (void)socket(AF_UNIX, SOCK_STREAM, 0);
}

static void do_ptrace(void)
{
    (void)ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static void do_exec(void)
{
    (void)execl("/bin/true", "true", NULL);
}

static void do_fork(void)
{
    (void)fork();
}

static void do_unlink(void)
{
    (void)unlink("/nonexistent/file");
}

static void do_executable(void)
{
    (void)mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_make_executable(void)
{
    (void)mprotect(have.memory, PAGE_BYTES, PROT_READ | PROT_EXEC);
}

static void do_ioctl(void)
{
    (void)ioctl(have.order, FIONREAD, &stage);
}

static void do_kill(void)
{
    (void)kill(0, 0);
}

static void do_uring(void)
{
    struct io_uring_params params = {0};

    (void)syscall(SYS_io_uring_setup, 1, &params);
}

static void do_memory_of_others(void)
{
    (void)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static const struct {
    const char *name;
    void (*act)(void);
} acts[] = {
    {"open", do_open},
    {"openat", do_openat_raw},
    {"socket", do_socket},
    {"ptrace", do_ptrace},
    {"exec", do_exec},
    {"fork", do_fork},
    {"unlink", do_unlink},
    {"executable", do_executable},
    {"make-executable", do_make_executable},
    {"ioctl", do_ioctl},
    {"kill", do_kill},
    {"io_uring_setup", do_uring},
    {"process_vm_readv", do_memory_of_others},
};

static void child_acts(void)
{
    enter();
    forbidden();
    _exit(EXIT_STILL_HERE);
}

/* The thread that was there before the filter. */
static void child_thread_acts(void)
{
    enter();
    stage = 1;
    for (;;)
        (void)sched_yield();
}

static void check_killed(void (*child)(void), const char *name)
{
    int status = run_child(child);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
        g_error("%s: status 0x%x instead of SIGSYS", name, status);
}

static void test_forbidden(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(acts); i++) {
        forbidden = acts[i].act;
        check_killed(child_acts, acts[i].name);
        check_killed(child_thread_acts, acts[i].name);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sandbox/serves", test_serves);
    g_test_add_func("/sandbox/descriptors", test_descriptors);
    g_test_add_func("/sandbox/too-late", test_too_late);
    g_test_add_func("/sandbox/forbidden", test_forbidden);
    return g_test_run();
}
