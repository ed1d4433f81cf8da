/* SPDX-License-Identifier: Apache-2.0 */
/* Injected system calls, against a process that notices whatever they disturb. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "pager/attach.h"
#include "pager/inject.h"
#include "target.h"

#define INJECTIONS 300

/* getppid tells from what it returns that it was made in the target. */
static bool ask_parent(struct injection *i, void *data, GError **error)
{
    return inject_call(i, SYS_getppid, 0, 0, 0, data, error);
}

static void inject_once(pid_t pid, uint64_t *stopped)
{
    g_autoptr(GError) error = NULL;
    int64_t parent = -1;

    inject(pid, ask_parent, &parent, stopped, &error);
    g_assert_no_error(error);
    g_assert_cmpint(parent, ==, getpid());
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void test_undisturbed(gconstpointer data)
{
    struct victim v = victim_start(data, NULL);
    uint64_t stopped[INJECTIONS];

    for (unsigned n = 0; n < INJECTIONS; n++)
        inject_once(v.pid, &stopped[n]);
    qsort(stopped, INJECTIONS, sizeof(stopped[0]), compare);
    g_test_message("stopped for %u us (median), %u us (p99)", (unsigned)stopped[INJECTIONS / 2],
                   (unsigned)stopped[INJECTIONS * 99 / 100]);
    /* None of its calls was lost. */
    victim_wait_rounds(&v, 3);
    victim_end(&v);
}

static void check_refused(pid_t pid, enum attach_error code, const char *word)
{
    g_autoptr(GError) error = NULL;
    int64_t parent = -1;

    g_assert_false(inject(pid, ask_parent, &parent, NULL, &error));
    g_assert_error(error, ATTACH_ERROR, (int)code);
    if (!strstr(error->message, word))
        g_error("\"%s\" does not say \"%s\"", error->message, word);
    g_assert_cmpint(parent, ==, -1);
}

static void test_stopped(void)
{
    struct victim v = victim_start("nanosleep", NULL);

    g_assert_cmpint(kill(v.pid, SIGSTOP), ==, 0);
    while (victim_state(&v) != 'T')
        (void)usleep(1000);
    check_refused(v.pid, ATTACH_ERROR_FAILED, "SIGSTOP");
    g_assert_cmpint(victim_state(&v), ==, 'T');
    g_assert_cmpint(kill(v.pid, SIGCONT), ==, 0);
    victim_wait_rounds(&v, 3);
    victim_end(&v);
}

static void test_traced(void)
{
    struct victim v = victim_start("ppoll", NULL);

    g_assert_cmpint(ptrace(PTRACE_SEIZE, v.pid, NULL, NULL), ==, 0);
    check_refused(v.pid, ATTACH_ERROR_FAILED, "traced");
    g_assert_cmpint(ptrace(PTRACE_INTERRUPT, v.pid, NULL, NULL), ==, 0);
    g_assert_cmpint(waitpid(v.pid, NULL, __WALL), ==, v.pid);
    g_assert_cmpint(ptrace(PTRACE_DETACH, v.pid, NULL, NULL), ==, 0);
    inject_once(v.pid, NULL);
    victim_end(&v);
}

static void test_no_leader(void)
{
    struct victim v = victim_start("calls", "no-leader");

    while (victim_state(&v) != 'Z')
        (void)usleep(1000);
    check_refused(v.pid, ATTACH_ERROR_REFUSED, "main thread");
    victim_wait_rounds(&v, 3);
    victim_kill(&v);
}

static void test_gone(void)
{
    struct victim v = victim_start("calls", NULL);

    g_assert_cmpint(kill(v.pid, SIGKILL), ==, 0);
    while (victim_state(&v) != 'Z')
        (void)usleep(1000);
    check_refused(v.pid, ATTACH_ERROR_GONE, "ended");
    victim_kill(&v);
    check_refused(v.pid, ATTACH_ERROR_GONE, "ended");
}

/* A main thread that waits in the kernel and can't be stopped is let go of in time. */
static void test_unstoppable(void)
{
    struct victim v = victim_start("vfork", NULL);

    while (victim_state(&v) != 'D')
        (void)usleep(1000);
    check_refused(v.pid, ATTACH_ERROR_FAILED, "did not stop");
    victim_wait_rounds(&v, 1);
    victim_end(&v);
}

static bool kill_it(struct injection *i, void *data, GError **error)
{
    pid_t pid = *(const pid_t *)data;
    int64_t result;

    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    return inject_call(i, SYS_getppid, 0, 0, 0, &result, error);
}

static void test_killed_meanwhile(void)
{
    struct victim v = victim_start("ppoll", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(inject(v.pid, kill_it, &v.pid, NULL, &error));
    g_assert_error(error, ATTACH_ERROR, ATTACH_ERROR_GONE);
    victim_kill(&v);
}

static bool die_before(struct injection *i, void *data, GError **error)
{
    (void)i, (void)data, (void)error;
    return kill(getpid(), SIGKILL) == 0;
}

static bool die_after(struct injection *i, void *data, GError **error)
{
    return ask_parent(i, data, error) && kill(getpid(), SIGKILL) == 0;
}

/* A tracer that is killed between calls leaves the process as it was. */
static void test_tracer_killed(void)
{
    static const inject_fn bodies[] = {die_before, die_after};
    struct victim v = victim_start("signals", NULL);

    for (unsigned n = 0; n < 40; n++) {
        int status;
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
            int64_t parent;

            (void)inject(v.pid, bodies[n % 2], &parent, NULL, NULL);
            _exit(1);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status));
    }
    victim_wait_rounds(&v, 3);
    victim_end(&v);
}

struct meanwhile {
    pid_t pid;
    int signal;
    int64_t parent;
};

static bool signal_it(struct injection *i, void *data, GError **error)
{
    struct meanwhile *m = data;

    g_assert_cmpint(kill(m->pid, m->signal), ==, 0);
    return inject_call(i, SYS_getppid, 0, 0, 0, &m->parent, error) &&
           inject_call(i, SYS_getppid, 0, 0, 0, &m->parent, error);
}

/* A stop that comes meanwhile is done, afterwards. */
static void test_stopped_meanwhile(void)
{
    static const int stops[] = {SIGSTOP, SIGTSTP};

    for (size_t n = 0; n < G_N_ELEMENTS(stops); n++) {
        struct victim v = victim_start("read", NULL);
        struct meanwhile m = {.pid = v.pid, .signal = stops[n]};
        g_autoptr(GError) error = NULL;

        g_assert_true(inject(v.pid, signal_it, &m, NULL, &error));
        g_assert_no_error(error);
        g_assert_cmpint(m.parent, ==, getpid());
        while (victim_state(&v) != 'T')
            (void)usleep(1000);
        g_assert_cmpint(kill(v.pid, SIGCONT), ==, 0);
        victim_wait_rounds(&v, 3);
        victim_end(&v);
    }
}

static bool use_scratch(struct injection *i, void *data, GError **error)
{
    static const char path[] = "/dev/null";
    int64_t fd, closed;
    uint64_t address;

    (void)data;
    if (!inject_scratch(i, path, sizeof(path), &address, error) ||
        !inject_call(i, SYS_openat, (uint64_t)AT_FDCWD, address, O_RDONLY | O_CLOEXEC, &fd, error))
        return false;
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(inject_call(i, SYS_close, (uint64_t)fd, 0, 0, &closed, error));
    g_assert_cmpint(closed, ==, 0);
    return true;
}

static void test_scratch(void)
{
    struct victim v = victim_start("calls", NULL);

    for (unsigned n = 0; n < 50; n++) {
        g_autoptr(GError) error = NULL;

        g_assert_true(inject(v.pid, use_scratch, NULL, NULL, &error));
        g_assert_no_error(error);
    }
    victim_end(&v);
}

static bool make_userfaultfd(struct injection *i, void *data, GError **error)
{
    return inject_call(i, SYS_userfaultfd, O_CLOEXEC, 0, 0, data, error);
}

static void test_seccomp(void)
{
    struct victim v = victim_start("calls", "seccomp=errno");
    g_autoptr(GError) error = NULL;
    int64_t result = 0;

    g_assert_true(inject(v.pid, make_userfaultfd, &result, NULL, &error));
    g_assert_cmpint(result, ==, -EACCES);
    victim_wait_rounds(&v, 3);
    victim_end(&v);

    v = victim_start("calls", "seccomp=trap");
    g_assert_false(inject(v.pid, make_userfaultfd, &result, NULL, &error));
    g_assert_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED);
    g_assert_nonnull(strstr(error->message, "seccomp"));
    inject_once(v.pid, NULL);
    victim_wait_rounds(&v, 3);
    victim_end(&v);
}

int main(int argc, char **argv)
{
    static const char *const mains[] = {"calls", "nanosleep", "ppoll", "epoll",
                                        "read",  "signals",   "pause", "futex"};

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(mains); i++) {
        g_autofree char *path = g_strdup_printf("/inject/%s", mains[i]);

        g_test_add_data_func(path, mains[i], test_undisturbed);
    }
    g_test_add_func("/inject/stopped", test_stopped);
    g_test_add_func("/inject/traced", test_traced);
    g_test_add_func("/inject/no-leader", test_no_leader);
    g_test_add_func("/inject/gone", test_gone);
    g_test_add_func("/inject/unstoppable", test_unstoppable);
    g_test_add_func("/inject/killed-meanwhile", test_killed_meanwhile);
    g_test_add_func("/inject/tracer-killed", test_tracer_killed);
    g_test_add_func("/inject/stopped-meanwhile", test_stopped_meanwhile);
    g_test_add_func("/inject/scratch", test_scratch);
    g_test_add_func("/inject/seccomp", test_seccomp);
    return g_test_run();
}
