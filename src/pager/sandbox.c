/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that has broken out of its memory into its pager finds: its own memory and swap file, a
 * socket to the daemon, and system calls that make nothing new out of these. It can't open, create,
 * connect, execute, trace, fork or map anything executable.
 *
 * The filter is a list of what is allowed; everything else kills the process. Kernel-side workers
 * of io_uring are not under it: the rings are restricted on their own (swapio.h).
 */
#include "pager/sandbox.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "host/procfs.h"

static bool failed(const char *what, int err, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(err), "sandbox: %s: %s", what,
                g_strerror(err));
    return false;
}

bool sandbox_drop_privileges(GError **error)
{
    capng_select_t sets = CAPNG_SELECT_CAPS;

    /* Without SETPCAP (systemd's bounding set) the bounding set can't be emptied; with
     * no_new_privs nothing can be gained from it anyway. */
    if (capng_get_caps_process() != 0)
        return failed("reading capabilities", errno, error);
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
        sets = CAPNG_SELECT_BOTH;
    capng_clear(sets);
    if (capng_apply(sets) != 0)
        return failed("dropping capabilities", errno, error);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
        return failed("no_new_privs", errno, error);
    /* Buffers hold guests' memory: no core file of it, and no other pager looks into this one. */
    if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
        return failed("making it non-dumpable", errno, error);
    return true;
}

/* Has any thread a capability left? */
static bool all_dropped(GError **error)
{
    DIR *dir = opendir("/proc/self/task");
    bool dropped = true;
    struct dirent *entry;

    if (!dir)
        return failed("/proc/self/task", errno, error);
    while (dropped && (entry = readdir(dir))) {
        char path[64], text[PROCFS_TEXT_MAX];
        const char *line;
        uint64_t caps;

        if (!g_ascii_isdigit(*entry->d_name))
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", entry->d_name);
        if (procfs_read_root("", path, text) < 0)
            continue; /* it has just ended */
        line = strstr(text, "\nCapPrm:");
        dropped = line && sscanf(line, "\nCapPrm: %" SCNx64, &caps) == 1 && caps == 0;
    }
    (void)closedir(dir);
    return dropped || failed("a thread has capabilities left", EPERM, error);
}

static int compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Closes what lies between the ones to keep. */
static bool close_others(const int *keep, size_t n, GError **error)
{
    g_autofree int *sorted = g_new(int, n + 1);
    unsigned next = STDERR_FILENO + 1;

    for (size_t i = 0; i < n; i++)
        sorted[i] = keep[i];
    qsort(sorted, n, sizeof(*sorted), compare_fds);
    for (size_t i = 0; i < n; i++) {
        if (sorted[i] < (int)next)
            continue;
        if ((unsigned)sorted[i] > next && close_range(next, (unsigned)sorted[i] - 1, 0) < 0)
            return failed("close_range", errno, error);
        next = (unsigned)sorted[i] + 1;
    }
    return close_range(next, ~0U, 0) == 0 || failed("close_range", errno, error);
}

static const int allowed[] = {
    /* files that are open */
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fallocate),
    SCMP_SYS(ftruncate),
    SCMP_SYS(close),
    SCMP_SYS(io_uring_enter),
    /* waiting */
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(futex),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
    /* the daemon's orders */
    SCMP_SYS(accept4),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(getsockopt),
    SCMP_SYS(shutdown),
    /* its own memory */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_getaffinity), /* malloc: how many arenas */
    SCMP_SYS(sysinfo),           /* qsort: how much memory there is */
    /* itself */
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrusage),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static const uint32_t ioctls[] = {
    UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_WRITEPROTECT, UFFDIO_WAKE, UFFDIO_UNREGISTER,
};

/* Calls that depend on an argument. */
static int allow_some(scmp_filter_ctx filter)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(ioctls); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                             SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ioctls[i]));
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* abort(3) and nobody else */
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    /* What glibc makes of fstat(2). It can look at other files' sizes, and not open them. */
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                             SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    return r;
}

static int filter_load(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int r;

    if (!filter)
        return -ENOMEM;
    r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(allowed); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    if (r == 0)
        r = allow_some(filter);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}

bool sandbox_enter(const int *keep, size_t n, GError **error)
{
    int r;

    if (!all_dropped(error) || !close_others(keep, n, error))
        return false;
    r = filter_load();
    return r == 0 || failed("seccomp filter", -r, error);
}
