/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a guest that the daemon holds goes on when the daemon says so; the guardian is for the
 * case that it can't any more. It sleeps on a pipe whose other end only the daemon has, so that the
 * kernel itself wakes it when the daemon is gone, however it went: end of file without the word
 * that all is well. Then the guests' monitors are free (QEMU's socket takes one client at a time),
 * and each guest on record is asked how it is and let go on, until it runs, has ended, or stands
 * still for a reason of its own. It has a session of its own, and nothing that it must wait for but
 * QEMU.
 *
 * The next daemon does the same to whom it meets first. Both may: letting go what runs changes
 * nothing.
 */
#include "daemon/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/hold_record.h"
#include "vmm/pidfile.h"
#include "vmm/qemu_pause.h"
#include "vmm/qmp.h"

/* The daemon's word that all is well. */
#define ALL_IS_WELL 'w'

#define ANSWER_MSEC    1000 /* that QEMU gets for each answer */
#define PAUSE_MIN_MSEC 20   /* between tries, doubled up to... */
#define PAUSE_MAX_MSEC 1000
#define TRIES_MAX      150 /* about five minutes with a QEMU that does not answer */

/* --- the process --- */

struct patrol {
    GMainLoop *loop;
    const char *host_root;
    guint open; /* guests that are still to be seen to */
};

/* One guest's way back. */
struct rescue {
    struct patrol *patrol;
    struct hold_record *record;
    struct qmp *qmp; /* NULL: between two tries */
    unsigned tries;
};

static void attempt(struct rescue *r);

static void finish(struct rescue *r, const char *how)
{
    if (how)
        log_notice("process %d, which was held when the daemon ended, %s", (int)r->record->pid,
                   how);
    hold_record_free(r->record);
    qmp_free(g_steal_pointer(&r->qmp));
    if (--r->patrol->open == 0)
        g_main_loop_quit(r->patrol->loop);
    g_free(r);
}

/* Nothing has to be done for it any more. */
static void done(struct rescue *r, const char *how)
{
    hold_record_remove(r->record);
    finish(r, how);
}

static gboolean attempt_again(void *data)
{
    attempt(data);
    return G_SOURCE_REMOVE;
}

static void try_again(struct rescue *r, const char *why)
{
    guint pause = MIN((guint)PAUSE_MIN_MSEC << MIN(r->tries, 10u), PAUSE_MAX_MSEC);
    struct qmp *q = g_steal_pointer(&r->qmp);

    qmp_free(q); /* after this no answer comes any more */
    if (++r->tries >= TRIES_MAX) {
        log_error("process %d was held when the daemon ended and could not be let go on (%s); "
                  "send it a QMP 'cont'",
                  (int)r->record->pid, why);
        finish(r, NULL);
        return;
    }
    g_timeout_add(pause, attempt_again, r);
}

static void on_continued(struct json_object *ret, const GError *error, void *data)
{
    struct rescue *r = data;

    (void)ret;
    if (!r->qmp)
        return; /* being given up */
    if (error)
        try_again(r, error->message);
    else
        done(r, "goes on");
}

static void on_status(struct json_object *ret, const GError *error, void *data)
{
    struct rescue *r = data;
    g_autoptr(GError) unsent = NULL;
    const char *name;

    if (!r->qmp)
        return;
    if (error) {
        try_again(r, error->message);
        return;
    }
    switch (qemu_pause_of(ret, &name)) {
    case QEMU_RUNS:
        done(r, "runs");
        break;
    case QEMU_PAUSED:
        if (!qmp_execute(r->qmp, "cont", NULL, on_continued, r, &unsent))
            try_again(r, unsent->message);
        break;
    case QEMU_IN_PASSING:
        try_again(r, name);
        break;
    case QEMU_OTHER_PAUSE:
        done(r, "stands still for a reason of its own");
        break;
    }
}

static void on_state(struct qmp *q, enum qmp_state state, const GError *error, void *data)
{
    struct rescue *r = data;
    g_autoptr(GError) unsent = NULL;

    (void)q;
    if (!r->qmp || state == QMP_CONNECTING)
        return;
    if (state != QMP_READY)
        try_again(r, error->message);
    else if (!qmp_execute(r->qmp, "query-status", NULL, on_status, r, &unsent))
        try_again(r, unsent->message);
}

static void on_event(struct qmp *q, const char *name, struct json_object *args, void *data)
{
    (void)q;
    (void)name;
    (void)args;
    (void)data;
}

static void attempt(struct rescue *r)
{
    static const struct qmp_handler handler = {.state = on_state, .event = on_event};
    g_autoptr(GError) error = NULL;
    pid_t named;

    if (!hold_record_holds(r->record, r->patrol->host_root)) {
        done(r, NULL); /* the next daemon was first, or the guest has ended */
        return;
    }
    r->qmp = qmp_open(r->record->socket, ANSWER_MSEC, &handler, r, &error);
    if (!r->qmp) {
        try_again(r, error->message);
        return;
    }
    named = pidfile_read(r->record->socket);
    if ((named ? named : qmp_peer_pid(r->qmp)) != r->record->pid)
        try_again(r, "another process is at its socket");
}

static void let_all_go(const char *directory, const char *host_root)
{
    g_autoptr(GPtrArray) records = hold_records_read(directory);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct patrol patrol = {.loop = loop, .host_root = host_root, .open = records->len};

    for (guint i = 0; i < records->len; i++) {
        struct rescue *r = g_new0(struct rescue, 1);

        r->patrol = &patrol;
        r->record = records->pdata[i];
        g_idle_add(attempt_again, r);
    }
    g_ptr_array_set_free_func(records, NULL); /* they are the rescues' now */
    if (patrol.open)
        g_main_loop_run(loop);
}

int guardian_run(const char *directory, const char *host_root)
{
    char word = 0;
    ssize_t n;

    (void)prctl(PR_SET_NAME, "aerostat-guard");
    do
        n = read(GUARDIAN_FD, &word, 1);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        log_error("the guardian has no pipe to the daemon; it is for the daemon itself to start");
        return 1;
    }
    if (n == 0)
        let_all_go(directory, host_root);
    return 0;
}

/* --- the daemon's end --- */

struct guardian {
    const char *directory, *host_root;
    int fd; /* -1: none runs */
};

struct guardian *guardian_new(const char *directory, const char *host_root)
{
    struct guardian *g = g_new(struct guardian, 1);

    *g = (struct guardian){.directory = directory, .host_root = host_root, .fd = -1};
    return g;
}

/* Between fork and exec: what ends the daemon's session or process group is not to end it. */
static void detach(void *data)
{
    (void)data;
    (void)setsid();
}

static void reap(GPid pid, int status, void *data)
{
    (void)data;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        log_warning("the guardian of held guests, process %d, was killed or failed; another "
                    "follows when it is needed",
                    (int)pid);
}

/* Our end of its pipe, or -1. */
static int start(const struct guardian *g, GError **error)
{
    /* This very program, also where its file was replaced meanwhile. */
    const char *argv[] = {"/proc/self/exe", "aerostatd",  "--guardian", g->directory,
                          "--host-root",    g->host_root, NULL};
    const int target = GUARDIAN_FD;
    autofd theirs = -1;
    autofd ours = -1;
    int pair[2];
    pid_t pid;

    if (!*g->host_root)
        argv[4] = NULL;
    if (pipe2(pair, O_CLOEXEC) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "no pipe: %s",
                    g_strerror(errno));
        return -1;
    }
    theirs = pair[0];
    ours = pair[1];
    if (!g_spawn_async_with_pipes_and_fds(
            "/", argv, NULL,
            G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_FILE_AND_ARGV_ZERO,
            detach, NULL,
            /* stdin_fd= */ -1, /* stdout_fd= */ -1, /* stderr_fd= */ -1, &theirs, &target, 1, &pid,
            NULL, NULL, NULL, error))
        return -1;
    g_child_watch_add(pid, reap, NULL);
    return fd_take(&ours);
}

/* Its end of the pipe is closed when it has ended. */
static bool runs(const struct guardian *g)
{
    struct pollfd p = {.fd = g->fd, .events = POLLOUT};

    return g->fd >= 0 && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLERR | POLLHUP));
}

bool guardian_ensure(struct guardian *g, GError **error)
{
    if (runs(g))
        return true;
    fd_close(&g->fd);
    g->fd = start(g, error);
    return g->fd >= 0;
}

void guardian_send(struct guardian *g)
{
    g_autoptr(GError) error = NULL;
    autofd fd = start(g, &error); /* closed at once: that is its sign */

    if (fd < 0)
        log_warning("no guardian can be started (%s); guests that a daemon before held go on when "
                    "they are found",
                    error->message);
}

void guardian_free(struct guardian *g, bool clean)
{
    static const char word = ALL_IS_WELL;

    if (!g)
        return;
    if (g->fd >= 0 && clean && write(g->fd, &word, 1) != 1)
        log_debug("the guardian has ended before");
    fd_close(&g->fd);
    g_free(g);
}
