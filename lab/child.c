/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "scenario/error.h"

#define POLL_USEC 20000

/* Runs between fork and exec: only async-signal-safe calls. */
static void exec_child(char *const *argv, int log, pid_t parent)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A group of its own: a Ctrl-C at the terminal is for the lab, which then ends its children. */
    (void)setpgid(0, 0);
    if (getppid() == parent && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        (void)execv(argv[0], argv);
    _exit(127);
}

pid_t child_start(char *const *argv, const char *log, GError **error)
{
    autofd fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();
    pid_t pid = fd >= 0 ? fork() : -1;

    if (pid == 0)
        exec_child(argv, fd, parent);
    if (pid < 0)
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s could not be started: %s",
                    argv[0], g_strerror(errno));
    return pid;
}

bool child_ended(pid_t pid, int *ret_status)
{
    return waitpid(pid, ret_status, WNOHANG) == pid;
}

void child_kill(pid_t pid)
{
    int status;

    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

void child_end(pid_t pid)
{
    int status;

    (void)kill(pid, SIGTERM);
    (void)kill(pid, SIGCONT);
    for (int waited = 0; waited < CHILD_END_MSEC * 1000; waited += POLL_USEC) {
        if (child_ended(pid, &status))
            return;
        g_usleep(POLL_USEC);
    }
    child_kill(pid);
}
