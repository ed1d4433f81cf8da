/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aerostat-pager: serves one guest's memory from outside its QEMU. engine.h says how.
 *
 * Start: hold of the guest (hold.c); threads, each with its ring; then all rights are dropped; then
 * READY. Until then a guest that was just attached is let go of on any error.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "pager/control.h"
#include "pager/faults.h"
#include "pager/hold.h"
#include "pager/mover.h"
#include "pager/sandbox.h"

/* The host may kill the guest before its pager: without the guest it ends by itself, but not the
 * other way round. */
#define OOM_SCORE_ADJUST "-900"

struct pager {
    struct options options;
    struct hold hold;
    struct engine engine;
    struct control control;
    struct faults *faults;
    struct mover *mover;
};

static bool fail(GError **error, const char *what, int number)
{
    g_set_error(error, HOLD_ERROR, PAGER_EXIT_FAILED, "%s: %s", what, g_strerror(number));
    return false;
}

static bool make_channels(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    struct control *c = &p->control;
    sigset_t signals;
    int pair[2];

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    c->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    e->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (c->signal_fd < 0 || e->poke_fd < 0 || c->statm_fd < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return fail(error, "descriptors", errno);
    e->notice_fd = pair[0];
    c->notices_fd = pair[1];
    c->e = e;
    c->pidfd = p->hold.target.pidfd;
    c->listen_fd = control_listen(p->hold.files.socket);
    return c->listen_fd >= 0 || fail(error, p->hold.files.socket, -c->listen_fd);
}

/* Its map and its code stay in memory, whatever the host is short of: the guest waits for them. The
 * cache does not: its pages may go to the host's swap like any other. */
static void stay_in_memory(const struct pager *p)
{
    const struct pagemap *map = &p->engine.map;

    if (mlock2(map->header, map->mapped, MLOCK_ONFAULT) < 0)
        log_notice("guest %s: mlock: %s", p->options.name, g_strerror(errno));
}

static bool enter_sandbox(GError **error)
{
    /* Nothing is open that is not needed: what was inherited was closed at the start. */
    int keep[256];
    size_t n = 0;

    for (int fd = 3; fd < 1024 && n < G_N_ELEMENTS(keep); fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            keep[n++] = fd;
    }
    return sandbox_enter(keep, n, error);
}

static bool start(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    int r;

    e->sampler = sampler_new(pagemap_figures(&e->map));
    e->victims = victims_new(&e->map, e->claims, (uint64_t)engine_now() ^ (uint64_t)getpid());
    if (!e->sampler || !e->victims)
        return fail(error, "memory", ENOMEM);
    if (!make_channels(p, error))
        return false;
    stay_in_memory(p);
    r = faults_start(&p->faults, e);
    if (r == 0)
        r = mover_start(&p->mover, e);
    if (r < 0)
        return fail(error, "threads and rings", -r);
    return sandbox_drop_privileges(error) && enter_sandbox(error);
}

static void stop(struct pager *p)
{
    atomic_store(&p->engine.stopping, true);
    if (p->mover)
        mover_join(p->mover);
    if (p->faults)
        faults_join(p->faults);
    p->mover = NULL;
    p->faults = NULL;
}

/* Not for one that has entered the sandbox: it just ends. */
static void forget_all(struct pager *p)
{
    struct engine *e = &p->engine;
    struct control *c = &p->control;
    int *fds[] = {&e->uffd.fd,   &e->swap_fd,   &e->poke_fd,    &e->notice_fd, &c->listen_fd,
                  &c->client_fd, &c->signal_fd, &c->notices_fd, &c->statm_fd};

    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
        fd_close(fds[i]);
    victims_free(e->victims);
    sampler_free(e->sampler);
    cache_close(e->cache);
    slots_free(e->slots);
    claims_free(e->claims);
    pagemap_close(&e->map);
    target_clear(&p->hold.target);
    pager_files_clear(&p->hold.files);
}

/* What the error means to who has started us. */
static enum pager_exit told(const struct pager *p, const GError *error)
{
    enum pager_exit status = PAGER_EXIT_FAILED;

    if (error->domain == HOLD_ERROR)
        status = (enum pager_exit)error->code;
    else if (g_error_matches(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED))
        status = PAGER_EXIT_REFUSED;
    else if (g_error_matches(error, ATTACH_ERROR, ATTACH_ERROR_BUSY))
        status = PAGER_EXIT_BUSY;
    else if (g_error_matches(error, ATTACH_ERROR, ATTACH_ERROR_GONE))
        status = PAGER_EXIT_OK;
    log_error("guest %s: %s", p->options.name, error->message);
    control_say(p->options.control_fd,
                status == PAGER_EXIT_OK ? PAGER_SAYS_GONE : PAGER_SAYS_REFUSED, error->message);
    return status;
}

static enum pager_exit serve(struct pager *p)
{
    struct engine *e = &p->engine;
    enum pager_exit status;

    atomic_store(&e->map.header->pager_pid, getpid());
    if (atomic_load(&e->task) == TASK_NONE)
        atomic_store(&pagemap_figures(&e->map)->phase, PAGER_SERVING);
    p->control.client_fd = p->options.control_fd;
    log_info("guest %s: serving process %d", p->options.name, (int)p->options.pid);
    status = control_run(&p->control);
    stop(p);
    if (atomic_load(&pagemap_figures(&e->map)->phase) != PAGER_GUEST_GONE)
        log_info("guest %s: let go of; 'aerostat-pager --release --pid %d --fd %d' closes the "
                 "userfaultfd that is left in QEMU",
                 p->options.name, (int)p->options.pid, (int)atomic_load(&e->map.header->uffd));
    return status;
}

static enum pager_exit run(struct pager *p)
{
    g_autoptr(GError) error = NULL;

    p->hold.options = &p->options;
    p->hold.engine = &p->engine;
    p->hold.files =
        pager_files_of(p->options.memory_directory, p->options.swap_directory, p->options.name);
    if (hold_take(&p->hold, &error) && start(p, &error))
        return serve(p);
    stop(p);
    hold_undo(&p->hold);
    return told(p, error);
}

static enum pager_exit release(const struct options *o)
{
    g_autoptr(GError) error = NULL;

    if (attach_close(o->pid, o->fd, &error))
        return PAGER_EXIT_OK;
    log_error("%s", error->message);
    return PAGER_EXIT_FAILED;
}

/* Nothing that was open in who has started us; it survives what kills others; no signal ends it
 * but SIGKILL. */
static void prepare(const struct options *o)
{
    static const int ignored[] = {SIGPIPE, SIGHUP, SIGXFSZ};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    /* Threads' own arenas shrink only after a look into /proc/sys, which the sandbox forbids. */
    (void)mallopt(M_ARENA_MAX, 1);
    if (fd >= 0 && write(fd, OOM_SCORE_ADJUST, strlen(OOM_SCORE_ADJUST)) < 0)
        log_debug("oom_score_adj: %s", g_strerror(errno));
    fd_close(&fd);
    for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    if (o->control_fd > 3)
        (void)close_range(3, (unsigned)o->control_fd - 1, 0);
    (void)close_range(o->control_fd >= 3 ? (unsigned)o->control_fd + 1 : 3, ~0U, 0);
}

int main(int argc, char **argv)
{
    static struct pager p = {
        .hold = {.target = {.pidfd = -1, .memfd = -1}},
        .engine = {.map = {.fd = -1},
                   .uffd = {.fd = -1},
                   .memfd = -1,
                   .swap_fd = -1,
                   .poke_fd = -1,
                   .notice_fd = -1,
                   .evicting = true},
        .control = {.listen_fd = -1,
                    .client_fd = -1,
                    .pidfd = -1,
                    .signal_fd = -1,
                    .notices_fd = -1,
                    .statm_fd = -1},
    };
    enum pager_exit status;

    if (!options_parse(&p.options, argc, argv))
        return PAGER_EXIT_USAGE;
    prepare(&p.options);
    if (p.options.release)
        return (int)release(&p.options);
    status = run(&p);
    forget_all(&p);
    (void)fflush(NULL);
    _exit((int)status);
}
