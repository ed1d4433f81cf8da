/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a call is injected. No code is written into the process; the call is made with a syscall
 * instruction that is in its vdso anyway.
 *   1. PTRACE_SEIZE, PTRACE_INTERRUPT: the main thread stops on its way back to user space, in or
 *      between its own system calls. The other threads go on.
 *   2. Save its registers and signal mask.
 *   3. For each call: point it at the instruction; block its signals, so that none is delivered on
 *      top of our registers (they stay pending); let it run to the call's entry and exit; take
 *      the result; INTERRUPT it again, put mask and registers back, and let it run to that stop.
 *   4. Detach.
 * Why the third stop: it is of the same kind as the first, at the same place in the kernel. A
 * system call that was interrupted by the first (its registers say -ERESTART...) is restarted from
 * there by the kernel itself, by its own rules: as if nobody had been here, or, where a signal came
 * meanwhile, with the signal's handler run and EINTR or a restart as its flags say. Nothing of that
 * is imitated here.
 *
 * What the process can notice: one thread stops for 0.1 to 0.3 ms. A few system calls return EINTR
 * after any stop, even with no handler run (signal(7): epoll_wait and its like); they are made
 * again (inject_look.c). Those with a timeout then wait for the whole of it anew. ppoll and its
 * like, with a signal pending that only their own mask blocks, may return EINTR for it.
 *
 * What can't be excluded: if the tracer is killed (SIGKILL) between the two SETREGS of step 3, some
 * 50 microseconds, the thread goes on behind the vdso's instruction with registers that are not its
 * own, and the process crashes. At any other instant the kernel lets it go unharmed. That is why
 * the registers are put back after each call, and why the tracer waits in step 3 without a bound:
 * giving up would be just that. (The calls made wait for nothing but the kernel's memory.) The
 * wait for the first stop, which may never come, is bounded.
 *
 * A seccomp filter of the process applies: a refusal is an error here, a trap (SIGSYS) is
 * swallowed. One that kills for a call would kill; QEMU's own (-sandbox on) lists none of ours.
 *
 * The tracer is a thread of its own: what does not stop in time can be let go of only by ending
 * the tracer.
 */
#include "pager/inject.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pager/inject_impl.h"

/* A thread that does not come back from the kernel for so long waits for a disk or worse. */
#define STOP_USEC 2000000U

/* So often it is looked whether it has. waitid(2) has no bound, and an endless one can't be left.
 */
#define LOOK_NSEC 20000

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define USER_CODE64  0x33 /* cs of a 64-bit thread */
#define RED_ZONE     128
#define SCRATCH_GAP  512

/* sigset_t of the kernel */
#define SIGNAL_BIT(sig) (UINT64_C(1) << ((sig)-1))

static uint64_t now_usec(void)
{
    return (uint64_t)g_get_monotonic_time();
}

/*
 * Waits for the next stop, @bounded: for STOP_USEC at most. False as well when the process ends.
 * The process may be our own child: its end is looked at, and left for its parent to collect.
 */
static bool wait_stop(const struct injection *i, bool bounded, int *status, GError **error)
{
    const int flags = __WALL | __WNOTHREAD | (bounded ? WNOHANG : 0);
    uint64_t until = now_usec() + STOP_USEC;
    siginfo_t info = {0};

    for (;;) {
        if (waitid(P_PID, (id_t)i->pid, &info, WSTOPPED | WEXITED | WNOWAIT | flags) < 0)
            return injection_gone(i, error);
        if (info.si_pid == i->pid)
            break;
        if (now_usec() > until) {
            injection_error(error, ATTACH_ERROR_FAILED,
                            "the main thread of process %d did not stop within %u ms: it waits in "
                            "the kernel, for a disk perhaps",
                            (int)i->pid, STOP_USEC / 1000);
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_NSEC}, NULL);
    }
    if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
        return injection_gone(i, error);
    *status = info.si_status;
    return waitid(P_PID, (id_t)i->pid, &info, WSTOPPED | WNOHANG | flags) == 0 ||
           injection_gone(i, error);
}

static bool is_event_stop(int status)
{
    return status >> 8 == PTRACE_EVENT_STOP;
}

/*
 * Waits for the stop that PTRACE_INTERRUPT asked for; *why is SIGTRAP, or what stopped the whole
 * process. A signal that was just being delivered goes its way first; its stop has cleared the
 * request, which is repeated.
 */
static bool wait_interrupted(const struct injection *i, bool bounded, int *why, GError **error)
{
    int status = 0;

    while (wait_stop(i, bounded, &status, error)) {
        unsigned long signal_number = status == SYSCALL_STOP ? 0 : (unsigned long)status;

        if (is_event_stop(status)) {
            *why = status & 0x7f;
            return true;
        }
        if (ptrace(PTRACE_INTERRUPT, i->pid, NULL, NULL) < 0 ||
            ptrace(PTRACE_CONT, i->pid, NULL, signal_number) < 0)
            return injection_failed(i, "ptrace", errno, error);
    }
    return false;
}

static bool seize(struct injection *i, GError **error)
{
    int why = 0;

    if (ptrace(PTRACE_SEIZE, i->pid, NULL, (unsigned long)PTRACE_O_TRACESYSGOOD) < 0) {
        if (errno != EPERM)
            return injection_failed(i, "PTRACE_SEIZE", errno, error);
        injection_error(error, ATTACH_ERROR_REFUSED,
                        "no right to trace process %d: run as root or with CAP_SYS_PTRACE, and see "
                        "kernel.yama.ptrace_scope",
                        (int)i->pid);
        return false;
    }
    if (ptrace(PTRACE_INTERRUPT, i->pid, NULL, NULL) < 0)
        return injection_failed(i, "PTRACE_INTERRUPT", errno, error);
    if (!wait_interrupted(i, true, &why, error))
        return false;
    if (why == SIGTRAP)
        return true;
    injection_error(error, ATTACH_ERROR_FAILED,
                    "process %d was just stopped (signal %d): let it go on first (kill -CONT %d)",
                    (int)i->pid, why, (int)i->pid);
    return false;
}

static bool save(struct injection *i, GError **error)
{
    if (ptrace(PTRACE_GETREGS, i->pid, NULL, &i->regs) < 0 ||
        ptrace(PTRACE_GETSIGMASK, i->pid, sizeof(i->mask), &i->mask) < 0)
        return injection_failed(i, "ptrace", errno, error);
    return true;
}

static bool save_first(struct injection *i, GError **error)
{
    if (!save(i, error))
        return false;
    if (i->regs.cs != USER_CODE64) {
        injection_error(error, ATTACH_ERROR_REFUSED, "process %d is no 64-bit program",
                        (int)i->pid);
        return false;
    }
    injection_fix(i);
    return true;
}

/*
 * Runs the thread to the next entry or exit of a system call. What else stops it: a SIGSTOP, which
 * can't be blocked and is kept for the end; a stop of the whole process (the kernel brings it about
 * when we detach).
 */
static bool run_to_syscall(struct injection *i, GError **error)
{
    int status = 0;

    for (;;) {
        if (ptrace(PTRACE_SYSCALL, i->pid, NULL, 0UL) < 0)
            return injection_failed(i, "PTRACE_SYSCALL", errno, error);
        if (!wait_stop(i, false, &status, error))
            return false;
        if (status == SYSCALL_STOP)
            return true;
        if (!is_event_stop(status))
            i->stop_signal = (unsigned)status & 0x7f;
    }
}

/*
 * Seccomp's trap: the call was not made, its number stands where its result belongs, and a SIGSYS
 * that would kill is on its way. It is taken off.
 */
static bool was_trapped(struct injection *i, bool *trapped, GError **error)
{
    char status[PROCFS_TEXT_MAX];
    int stop = 0;

    if (!injection_status(i, status))
        return injection_gone(i, error);
    if (!(injection_status_number(status, "\nSigPnd:", 16) & SIGNAL_BIT(SIGSYS)))
        return true;
    *trapped = true;
    do {
        if (ptrace(PTRACE_CONT, i->pid, NULL, 0UL) < 0)
            return injection_failed(i, "PTRACE_CONT", errno, error);
        if (!wait_stop(i, false, &stop, error))
            return false;
    } while (stop != SIGSYS);
    return true;
}

/* From the end of the call back to a stop like the first. */
static bool put_back(struct injection *i, GError **error)
{
    int why = 0;

    if (ptrace(PTRACE_INTERRUPT, i->pid, NULL, NULL) < 0 ||
        ptrace(PTRACE_SETSIGMASK, i->pid, sizeof(i->mask), &i->mask) < 0 ||
        ptrace(PTRACE_SETREGS, i->pid, NULL, &i->regs) < 0 ||
        ptrace(PTRACE_CONT, i->pid, NULL, 0UL) < 0)
        return injection_failed(i, "ptrace", errno, error);
    return wait_interrupted(i, false, &why, error) && save(i, error);
}

bool inject_call(struct injection *i, long number, uint64_t a, uint64_t b, uint64_t c,
                 int64_t *result, GError **error)
{
    /* SIGSYS stays open: a blocked signal that the kernel forces loses its handler. */
    uint64_t blocked = ~SIGNAL_BIT(SIGSYS);
    struct user_regs_struct regs = i->regs;
    bool trapped = false;

    regs.rip = i->syscall_address;
    regs.rax = (unsigned long long)number;
    regs.orig_rax = (unsigned long long)-1; /* in no call: nothing for the kernel to restart */
    regs.rdi = a;
    regs.rsi = b;
    regs.rdx = c;
    regs.r10 = regs.r8 = regs.r9 = 0;
    if (ptrace(PTRACE_SETREGS, i->pid, NULL, &regs) < 0 ||
        ptrace(PTRACE_SETSIGMASK, i->pid, sizeof(blocked), &blocked) < 0)
        return injection_failed(i, "ptrace", errno, error);
    for (unsigned stop = 0; stop < 2; stop++) { /* its entry, its exit */
        if (!run_to_syscall(i, error))
            return false;
    }
    if (ptrace(PTRACE_GETREGS, i->pid, NULL, &regs) < 0)
        return injection_failed(i, "PTRACE_GETREGS", errno, error);
    if ((long)regs.rax == number && !was_trapped(i, &trapped, error))
        return false;
    if (!put_back(i, error))
        return false;
    if (trapped) {
        injection_error(error, ATTACH_ERROR_REFUSED,
                        "a seccomp filter of process %d forbids the system call %ld", (int)i->pid,
                        number);
        return false;
    }
    *result = (int64_t)regs.rax;
    return true;
}

bool inject_scratch(struct injection *i, const void *bytes, size_t n, uint64_t *address,
                    GError **error)
{
    uint64_t at = (i->regs.rsp - RED_ZONE - SCRATCH_GAP) & ~UINT64_C(15);
    uint8_t copy[INJECT_SCRATCH_MAX];

    g_assert(n <= sizeof(copy) && !i->scratch);
    memcpy(copy, bytes, n);
    if (!injection_peek(i, at, i->scratch_saved, n) || !injection_poke(i, at, copy, n)) {
        injection_error(error, ATTACH_ERROR_FAILED, "process %d: no room on its stack: %s",
                        (int)i->pid, g_strerror(errno));
        return false;
    }
    i->scratch = at;
    i->scratch_bytes = n;
    *address = at;
    return true;
}

static void let_go(struct injection *i)
{
    if (i->scratch)
        (void)injection_poke(i, i->scratch, i->scratch_saved, i->scratch_bytes);
    (void)ptrace(PTRACE_DETACH, i->pid, NULL, 0UL);
    if (i->stop_signal)
        (void)pidfd_send_signal(i->pidfd, (int)i->stop_signal, NULL, 0);
}

struct work {
    struct injection injection;
    inject_fn body;
    void *data;
    GError *error;
    uint64_t stopped_usec;
    bool ok;
};

/* However it ends, its end lets go of the process. */
static void *tracer_thread(void *data)
{
    struct work *work = data;
    struct injection *i = &work->injection;
    uint64_t start = now_usec();

    /* Looking often costs the process no more than it says. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    if (!seize(i, &work->error) || !save_first(i, &work->error))
        return NULL;
    work->ok = work->body(i, work->data, &work->error);
    let_go(i);
    work->stopped_usec = now_usec() - start;
    return NULL;
}

static bool trace(struct work *work)
{
    sigset_t all, before;
    pthread_t thread;
    int r;

    /* No handler of ours runs in the tracer. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&thread, NULL, tracer_thread, work);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0)
        return injection_failed(&work->injection, "a thread to trace with", r, &work->error);
    (void)pthread_join(thread, NULL);
    return work->ok;
}

bool inject(pid_t pid, inject_fn body, void *data, uint64_t *stopped_usec, GError **error)
{
    autofd pidfd = pidfd_open(pid, 0);
    struct work work = {.injection = {.pid = pid, .pidfd = pidfd}, .body = body, .data = data};
    bool ok;

    if (pidfd < 0)
        return injection_gone(&work.injection, error);
    ok = injection_look(&work.injection, &work.error) && trace(&work);
    if (stopped_usec)
        *stopped_usec = work.stopped_usec;
    if (work.error)
        g_propagate_error(error, work.error);
    return ok;
}
