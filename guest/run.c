/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line in the image of programs: a shell of its own root directory and process namespace,
 * in the scratch directory. It ends with everything that it has started when a new order arrives,
 * when the worker dies, or by itself. What it has achieved it says on its standard output: each
 * line "ops N" adds N operations. A command that never says so and ends well counts as one.
 *
 * Nothing is known here of its memory: the guest's kernel may kill any process of it (all are
 * offered to it as the worker is), and what comes of that is the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "guest/worker.h"

/* Longest line of progress; what is longer is none. */
#define LINE_MAX_BYTES  128
#define OPS_PREFIX      "ops "
#define STACK_BYTES     65536
#define EXIT_NO_COMMAND 127 /* as the shell has it */
#define EXIT_KILLED     (128 + SIGKILL)

struct command {
    const char *root, *line;
    int out; /* write end: its standard output */
};

struct progress {
    struct worker *worker;
    char line[LINE_MAX_BYTES];
    size_t length;
    bool skipping; /* of a line that is too long */
    bool said;     /* there was a line of progress */
};

/* The new process: a copy of the worker that becomes the shell. */
static int become_shell(void *data)
{
    static const char *const environment[] = {"PATH=/workloads:/usr/bin:/bin:/usr/sbin:/sbin",
                                              "HOME=/scratch", "TMPDIR=/scratch", "LC_ALL=C", NULL};
    const struct command *command = data;
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if (dup2(command->out, STDOUT_FILENO) < 0 || chroot(command->root) < 0 || chdir("/scratch") < 0)
        return EXIT_NO_COMMAND;
    (void)execle("/bin/sh", "sh", "-c", command->line, NULL, environment);
    return EXIT_NO_COMMAND;
}

/* Its process, and a descriptor of that; -errno. @ret_out: where its output is read. */
static pid_t start(const struct worker *w, const char *line, int *ret_out, int *ret_pidfd)
{
    static char stack[STACK_BYTES] __attribute__((aligned(16)));
    autofd in = -1, out = -1;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    in = ends[0];
    out = ends[1];

    struct command command = {.root = w->places.programs, .line = line, .out = out};

    /* Without CLONE_VM the child has a stack of its own at the same place. */
    pid = clone(become_shell, stack + sizeof(stack), CLONE_NEWPID | CLONE_PIDFD | SIGCHLD, &command,
                ret_pidfd);
    if (pid < 0)
        return -errno;
    if (fcntl(in, F_SETFL, O_NONBLOCK) == 0)
        *ret_out = fd_take(&in);
    return pid;
}

static void take_line(struct progress *p)
{
    const char *number = p->line + strlen(OPS_PREFIX);
    char *end;
    uint64_t ops;

    p->line[p->length] = '\0';
    if (strncmp(p->line, OPS_PREFIX, strlen(OPS_PREFIX)) != 0)
        return;
    ops = strtoull(number, &end, 10);
    if (end == number || *end || *number == '-')
        return;
    p->said = true;
    (void)atomic_fetch_add(&p->worker->shared->operations, ops);
}

static void take_byte(struct progress *p, char byte)
{
    if (byte == '\n') {
        if (!p->skipping)
            take_line(p);
        p->length = 0;
        p->skipping = false;
    } else if (p->length + 1 < sizeof(p->line)) {
        p->line[p->length++] = byte;
    } else {
        p->skipping = true;
    }
}

/* What there is to read by now. False once there will be no more. */
static bool take_output(struct progress *p, int out)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(out, bytes, sizeof(bytes))) > 0)
        for (ssize_t i = 0; i < got; i++)
            take_byte(p, bytes[i]);
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until it has ended by itself; false where an order came before that. */
static bool follow(struct progress *p, int out, int pidfd)
{
    struct pollfd polls[] = {{.fd = p->worker->orders, .events = POLLIN},
                             {.fd = pidfd, .events = POLLIN},
                             {.fd = out, .events = POLLIN}};

    while (!worker_interrupted(p->worker)) {
        if (poll(polls, 3, -1) < 0 && errno != EINTR)
            return false;
        if (polls[2].revents && !take_output(p, out))
            polls[2].fd = -1;
        if (polls[1].revents) { /* nobody of its namespace is left to write any more */
            (void)take_output(p, out);
            return true;
        }
    }
    return false;
}

/* True where it has gone well; else the order has failed. */
static bool judge(struct worker *w, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

    if (code == EXIT_NO_COMMAND)
        worker_fail(w, "run: there is no such command, or no shell to run it", 0);
    else if (code == EXIT_KILLED)
        worker_fail(w, "run: the command was killed", 0);
    else if (code)
        worker_fail(w, "run: the command failed; the guest's console has its messages", 0);
    return code == 0;
}

/* True where it may be done again. */
static bool run_once(struct worker *w, const char *line)
{
    struct progress progress = {.worker = w};
    autofd out = -1, pidfd = -1;
    pid_t pid = start(w, line, &out, &pidfd);
    bool ended;
    int status;

    if (pid < 0) {
        worker_fail(w, "run: cannot start a process", -pid);
        return false;
    }
    ended = out >= 0 && follow(&progress, out, pidfd);
    if (!ended)
        (void)kill(pid, SIGKILL); /* the first of its namespace: the others go with it */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!ended || !judge(w, status))
        return false;
    if (!progress.said)
        worker_count(w, true);
    return true;
}

void worker_run_command(struct worker *w, const struct order *order)
{
    if (!w->places.programs) {
        worker_fail(w, "run: this guest has no programs", 0);
        return;
    }
    while (run_once(w, order->command) && order->repeat && !worker_interrupted(w))
        ;
}
