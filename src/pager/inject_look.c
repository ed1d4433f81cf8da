/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an injection must know of the process: whether it can be stopped at all, where there is a
 * syscall instruction, and what its stop has cut.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/rseq.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "pager/inject_impl.h"

/* So long a process may take to end when its first thread has. */
#define END_MSEC 200

#define VDSO_PAGES_MAX 16

void injection_error(GError **error, enum attach_error code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(ATTACH_ERROR, (int)code, format, args);
    va_end(args);
}

bool injection_gone(const struct injection *i, GError **error)
{
    injection_error(error, ATTACH_ERROR_GONE, "process %d has ended", (int)i->pid);
    return false;
}

bool injection_failed(const struct injection *i, const char *what, int err, GError **error)
{
    if (err == ESRCH)
        return injection_gone(i, error);
    injection_error(error, ATTACH_ERROR_FAILED, "process %d: %s: %s", (int)i->pid, what,
                    g_strerror(err));
    return false;
}

bool injection_peek(const struct injection *i, uint64_t address, void *buf, size_t n)
{
    struct iovec local = {.iov_base = buf, .iov_len = n};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = n};

    return process_vm_readv(i->pid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

bool injection_poke(const struct injection *i, uint64_t address, void *buf, size_t n)
{
    struct iovec local = {.iov_base = buf, .iov_len = n};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = n};

    return process_vm_writev(i->pid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

/* Address of the vdso by the auxiliary vector; 0: none. */
static uint64_t vdso_of(pid_t pid)
{
    char path[64], text[PROCFS_TEXT_MAX];
    Elf64_auxv_t aux;
    int n;

    (void)snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
    n = procfs_read_root("", path, text);
    for (int at = 0; at + (int)sizeof(aux) <= n; at += (int)sizeof(aux)) {
        memcpy(&aux, text + at, sizeof(aux));
        if (aux.a_type == AT_SYSINFO_EHDR)
            return aux.a_un.a_val;
    }
    return 0;
}

/* The whole vdso is executable, so any two bytes 0f 05 in it will do. */
static bool find_syscall(struct injection *i, GError **error)
{
    static const uint8_t instruction[] = {0x0f, 0x05};
    uint64_t vdso = vdso_of(i->pid);
    uint8_t page[4096];

    errno = 0;
    for (unsigned n = 0; vdso && n < VDSO_PAGES_MAX; n++) {
        uint64_t address = vdso + n * sizeof(page);
        const uint8_t *found;

        if (!injection_peek(i, address, page, sizeof(page)))
            break;
        found = memmem(page, sizeof(page), instruction, sizeof(instruction));
        if (found) {
            i->syscall_address = address + (uint64_t)(found - page);
            return true;
        }
    }
    if (errno == EPERM)
        injection_error(error, ATTACH_ERROR_REFUSED,
                        "no right to trace process %d: run as root or with CAP_SYS_PTRACE",
                        (int)i->pid);
    else
        injection_error(
            error, ATTACH_ERROR_REFUSED,
            "process %d has no vdso with a syscall instruction: the kernel was booted with "
            "vdso=0, or it is no 64-bit program",
            (int)i->pid);
    return false;
}

uint64_t injection_status_number(const char *status, const char *key, int base)
{
    const char *line = strstr(status, key);

    return line ? g_ascii_strtoull(line + strlen(key), NULL, base) : 0;
}

bool injection_status(const struct injection *i, char text[static PROCFS_TEXT_MAX])
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)i->pid);
    return procfs_read_root("", path, text) > 0;
}

/* Looks before anything is touched. */
static bool may_be_stopped(const struct injection *i, GError **error)
{
    char status[PROCFS_TEXT_MAX];
    const char *state;
    uint64_t tracer;

    if (!injection_status(i, status))
        return injection_gone(i, error);
    state = strstr(status, "\nState:\t");
    tracer = injection_status_number(status, "\nTracerPid:", 10);
    if (tracer) {
        injection_error(error, ATTACH_ERROR_FAILED,
                        "process %d is traced by process %" PRIu64 " (a debugger?): end that first",
                        (int)i->pid, tracer);
    } else if (state && state[8] == 'T') {
        injection_error(error, ATTACH_ERROR_FAILED,
                        "process %d is stopped (SIGSTOP): let it go on first (kill -CONT %d)",
                        (int)i->pid, (int)i->pid);
    } else if (state && strchr("ZX", state[8])) {
        struct pollfd end = {.fd = i->pidfd, .events = POLLIN};

        /* Its other threads may just be ending, too. */
        if (poll(&end, 1, END_MSEC) == 1)
            return injection_gone(i, error);
        injection_error(
            error, ATTACH_ERROR_REFUSED,
            "the main thread of process %d has ended, others run: only the main thread's "
            "system calls are used",
            (int)i->pid);
    } else if (injection_status_number(status, "\nSeccomp:", 10) == 1) {
        injection_error(error, ATTACH_ERROR_REFUSED,
                        "process %d is in strict seccomp mode, which kills it for any system call",
                        (int)i->pid);
    } else {
        return true;
    }
    return false;
}

bool injection_look(struct injection *i, GError **error)
{
    return may_be_stopped(i, error) && find_syscall(i, error);
}

/*
 * System calls that return EINTR after any stop. Where no signal is on its way, the stop was ours
 * and the call is made again: for the thread as if it had begun only now.
 */
static bool restarts_never(long number)
{
    static const long numbers[] = {
        SYS_epoll_wait, SYS_epoll_pwait,  SYS_epoll_pwait2,   SYS_semop,
        SYS_semtimedop, SYS_io_getevents, SYS_io_uring_enter, SYS_rt_sigtimedwait,
    };

    for (size_t n = 0; n < G_N_ELEMENTS(numbers); n++) {
        if (numbers[n] == number)
            return true;
    }
    return false;
}

static void fix_interrupted(struct injection *i)
{
    char status[PROCFS_TEXT_MAX];

    if ((int64_t)i->regs.rax != -EINTR || !restarts_never((long)i->regs.orig_rax) ||
        !injection_status(i, status))
        return;
    if ((injection_status_number(status, "\nSigPnd:", 16) |
         injection_status_number(status, "\nShdPnd:", 16)) &
        ~injection_status_number(status, "\nSigBlk:", 16))
        return;
    i->regs.rax = i->regs.orig_rax;
    i->regs.orig_rax = (unsigned long long)-1;
    i->regs.rip -= 2; /* onto its syscall instruction */
}

/*
 * A restartable sequence (rseq(2)) that the stop has cut must be aborted, as the kernel does it;
 * but the kernel will look when our call's address is in the registers, and see no sequence.
 */
static void fix_rseq(struct injection *i)
{
    struct rseq_cs section;
    struct __ptrace_rseq_configuration rseq;
    uint64_t address;

    if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, i->pid, sizeof(rseq), &rseq) != sizeof(rseq) ||
        !rseq.rseq_abi_pointer)
        return;
    if (!injection_peek(i, rseq.rseq_abi_pointer + offsetof(struct rseq, rseq_cs), &address,
                        sizeof(address)) ||
        !address || !injection_peek(i, address, &section, sizeof(section)))
        return;
    if (i->regs.rip - section.start_ip < section.post_commit_offset)
        i->regs.rip = section.abort_ip;
}

void injection_fix(struct injection *i)
{
    fix_interrupted(i);
    fix_rseq(i);
}
