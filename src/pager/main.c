/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aerostat-pager: serves one guest's memory from outside its QEMU. engine.h says how.
 *
 * Start: 1. the guest's files, under the directory's lock: a map of this very process means that a
 * pager before us has died; any other map is of a dead guest, and goes. 2. Take over: the map is
 * brought in line with the memfd, then the descriptor in QEMU is fetched, protection lifted,
 * everybody woken. Or attach: then the map is filled in. 3. Threads, each with its ring; then
 * rights are dropped; then READY. Until step 3 is done a guest that was just attached is let go of
 * on any error; one that was taken over is left to the next pager.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "pager/attach.h"
#include "pager/control.h"
#include "pager/engine.h"
#include "pager/faults.h"
#include "pager/files.h"
#include "pager/mover.h"
#include "pager/options.h"
#include "pager/recover.h"
#include "pager/sandbox.h"

/* The host may kill the guest before its pager: without the guest it ends by itself, but not the
 * other way round. */
#define OOM_SCORE_ADJUST "-900"

/* The writes of a dead pager are waited for so long. */
#define SWAP_LOCK_MSEC 30000

#define PAGER_ERROR g_quark_from_static_string("aerostat-pager")

struct pager {
    struct options options;
    struct pager_files files;
    struct target target;
    struct engine engine;
    struct control control;
    struct faults *faults;
    struct mover *mover;
    bool again;          /* taken over */
    bool made, attached; /* by us, so ours to undo: the files; the userfaultfd in QEMU */
};

static bool fail(GError **error, const char *what, int number)
{
    g_set_error(error, PAGER_ERROR, PAGER_EXIT_FAILED, "%s: %s", what, g_strerror(number));
    return false;
}

static bool find_map(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    int r = pagemap_open(&e->map, p->files.map);
    const struct pagemap_identity *identity;

    if (r == -ENOENT)
        return true;
    if (r == -EBUSY) {
        g_set_error(error, PAGER_ERROR, PAGER_EXIT_BUSY, "another pager serves guest %s",
                    p->options.name);
        return false;
    }
    if (r < 0 && r != -EBADMSG)
        return fail(error, p->files.map, -r);
    if (r == 0) {
        identity = &e->map.header->identity;
        p->again = identity->pid == p->options.pid && atomic_load(&e->map.header->uffd) >= 0 &&
                   identity->start_time == process_start_time("", p->options.pid);
        if (p->again)
            return true;
        pagemap_close(&e->map);
        e->map = (struct pagemap){.fd = -1};
    } else if (pager_files_owner(&p->files, "") != PAGER_FILES_STALE) {
        /* It may be of this very process and a release before us, with pages out. */
        g_set_error(error, PAGER_ERROR, PAGER_EXIT_REFUSED,
                    "%s is not a page map of this release, or can't be read; move it away once "
                    "the guest that it is of has ended",
                    p->files.map);
        return false;
    }
    log_notice("guest %s: %s is of a guest that has ended; it is replaced", p->options.name,
               p->files.map);
    (void)unlink(p->files.cache);
    (void)unlink(p->files.map);
    return true;
}

/*
 * Opens the swap file, and waits for its lock. We have the map's, so no pager lives that could hold
 * it; but what a dead one was writing goes on being written, into slots that we shall give to other
 * pages. The kernel lets go of the lock when the last of these writes has ended.
 */
static int open_locked(const char *path, bool *direct)
{
    int fd;

    for (unsigned i = 0; i < SWAP_LOCK_MSEC; i++) {
        fd = swap_file_open(path, direct);
        if (fd >= 0 || errno != EWOULDBLOCK)
            break;
        g_usleep(1000);
    }
    return fd;
}

/* A file that the daemon made is taken as it is; another size means another guest. */
static bool open_swap(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    uint64_t bytes = p->again ? atomic_load(&pagemap_figures(&e->map)->slots) * PAGE_BYTES
                              : p->options.swap_size;
    struct stat st;
    bool direct = true;

    e->swap_path = p->files.swap;
    e->swap_fd = open_locked(p->files.swap, &direct);
    if (e->swap_fd >= 0 && !p->again &&
        (fstat(e->swap_fd, &st) < 0 || (uint64_t)st.st_size != bytes))
        fd_close(&e->swap_fd);
    else if (e->swap_fd < 0 && errno != ENOENT)
        return fail(error, p->files.swap, errno);
    if (e->swap_fd < 0 && p->again) {
        g_set_error(error, PAGER_ERROR, PAGER_EXIT_FAILED,
                    "%s is missing, with pages of guest %s in it: the guest waits until it is back",
                    p->files.swap, p->options.name);
        return false;
    }
    if (e->swap_fd < 0) {
        if (!swap_directory_check(p->options.swap_directory, error) ||
            !swap_file_create(p->files.swap, bytes, error))
            return false;
        e->swap_fd = swap_file_open(p->files.swap, &direct);
        if (e->swap_fd < 0)
            return fail(error, p->files.swap, errno);
    }
    if (!direct)
        log_notice("guest %s: the file system of %s has no O_DIRECT: pages that are put out go "
                   "through the host's page cache",
                   p->options.name, p->files.swap);
    return true;
}

static bool make_map(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    struct pagemap_figures *figures;
    int r = pagemap_create(&e->map, p->files.map, &p->target.identity);

    if (r < 0)
        return fail(error, p->files.map, -r);
    p->made = true;
    figures = pagemap_figures(&e->map);
    atomic_store(&e->map.header->uffd, -1);
    atomic_store(&figures->allowed, UINT64_MAX);
    atomic_store(&figures->slots, p->options.swap_size / PAGE_BYTES);
    return true;
}

static bool open_cache(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    int r = cache_open(&e->cache, p->files.cache, &e->map, p->options.cache);

    atomic_store(&e->cache_limit, p->options.cache);
    return r == 0 || fail(error, p->files.cache, -r);
}

static bool recover(struct pager *p, GError **error)
{
    int r = recover_map(&p->engine);

    return r == 0 || fail(error, "page map", -r);
}

static bool take_over(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;
    int64_t number = atomic_load(&e->map.header->uffd);
    g_autoptr(GError) trouble = NULL;
    int r;

    if (!target_find_again(&p->target, &e->map.header->identity, error))
        return false;
    e->memfd = p->target.memfd;
    if (!recover(p, error) || !open_swap(p, error) || !open_cache(p, error) ||
        !attach_again(&e->uffd, &p->target, (int)number, error))
        return false;
    if (!target_check_devices(p->options.pid, &trouble)) {
        atomic_store(&e->evicting, false);
        log_warning("guest %s: nothing is evicted: %s", p->options.name, trouble->message);
    }
    r = recover_waiters(e);
    if (r < 0)
        return fail(error, "waking the guest", -r);
    count(&pagemap_figures(&e->map)->takeovers, 1);
    log_info("guest %s: taken over", p->options.name);
    return true;
}

static bool begin_anew(struct pager *p, GError **error)
{
    struct engine *e = &p->engine;

    if (!target_find(&p->target, p->options.pid, p->options.name, p->options.ram_size, error))
        return false;
    e->memfd = p->target.memfd;
    if (!make_map(p, error) || !open_swap(p, error) || !open_cache(p, error) ||
        !attach(&e->uffd, &p->target, &e->map.header->uffd, error))
        return false;
    p->attached = true;
    return recover(p, error);
}

static bool take_hold(struct pager *p, GError **error)
{
    autofd lock = -1;

    if (!memory_directory_check(p->options.memory_directory, error))
        return false;
    lock = pager_directory_lock(p->options.memory_directory);
    if (lock < 0)
        return fail(error, p->options.memory_directory, -lock);
    return find_map(p, error) && (p->again ? take_over(p, error) : begin_anew(p, error));
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
    c->pidfd = p->target.pidfd;
    c->listen_fd = control_listen(p->files.socket);
    return c->listen_fd >= 0 || fail(error, p->files.socket, -c->listen_fd);
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

/* A guest that was just attached has all its pages: it is let go. */
static void undo(struct pager *p)
{
    struct engine *e = &p->engine;

    stop(p);
    if (p->attached) {
        (void)uffd_unregister(&e->uffd);
        (void)attach_close(p->options.pid, (int)atomic_load(&e->map.header->uffd), NULL);
    }
    if (p->made) {
        (void)unlink(p->files.cache);
        (void)unlink(p->files.map);
    }
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
    target_clear(&p->target);
    pager_files_clear(&p->files);
}

/* What the error means to who has started us. */
static enum pager_exit told(const struct pager *p, const GError *error)
{
    enum pager_exit status = PAGER_EXIT_FAILED;

    if (error->domain == PAGER_ERROR)
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
    atomic_store(&pagemap_figures(&e->map)->phase, PAGER_SERVING);
    p->control.client_fd = p->options.control_fd;
    log_info("guest %s: serving process %d", p->options.name, (int)p->options.pid);
    status = control_run(&p->control);
    stop(p);
    if (!atomic_load(&e->gone) && atomic_load(&e->task) == TASK_DETACH)
        log_info("guest %s: let go of; 'aerostat-pager --release --pid %d --fd %d' closes the "
                 "userfaultfd that is left in QEMU",
                 p->options.name, (int)p->options.pid, (int)atomic_load(&e->map.header->uffd));
    return status;
}

static enum pager_exit run(struct pager *p)
{
    g_autoptr(GError) error = NULL;

    p->files =
        pager_files_of(p->options.memory_directory, p->options.swap_directory, p->options.name);
    if (take_hold(p, &error) && start(p, &error))
        return serve(p);
    undo(p);
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
        .target = {.pidfd = -1, .memfd = -1},
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
