/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders go into words that the other threads read, and what these say is passed on to who is
 * connected. Nothing here waits for the connection, and the guest is served without one.
 */
#include "pager/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* The pager's own memory is measured this often. */
#define MEASURE_MSEC 1000

int control_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask;
    int r;

    if (fd < 0)
        return -errno;
    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    (void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    (void)unlink(path); /* of a pager that is dead: we hold the map's lock */
    mask = umask(0177);
    r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    (void)umask(mask);
    if (r < 0 || listen(fd, 4) < 0)
        return -errno;
    return fd_take(&fd);
}

static bool send_notice(int fd, const struct pager_notice *notice)
{
    return fd < 0 || send(fd, notice, sizeof(*notice), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           errno == EAGAIN;
}

void control_say(int fd, enum pager_notice_kind kind, const char *text)
{
    struct pager_notice notice = {.protocol = PAGER_PROTOCOL, .kind = kind, .verb = PAGER_VERB_MAX};

    (void)g_strlcpy(notice.text, text, sizeof(notice.text));
    (void)send_notice(fd, &notice);
}

static void set_task(struct control *c, enum engine_task task)
{
    /* Who is being let go is not to be told anything else. */
    if (atomic_load(&c->e->task) != TASK_DETACH)
        atomic_store(&c->e->task, task);
}

static void know_cpus(struct engine *e, const uint32_t *ids, size_t n)
{
    cpus_set(&e->cpus, ids, n);
    atomic_store(&pagemap_figures(&e->map)->cpus, n);
}

/* @more: what is behind the order. */
static void obey(struct control *c, const struct pager_order *order, const uint32_t *more)
{
    struct engine *e = c->e;
    struct pagemap_figures *figures = pagemap_figures(&e->map);

    switch ((enum pager_verb)order->verb) {
    case PAGER_ALLOW:
        atomic_store(&figures->allowed, order->value);
        break;
    case PAGER_CACHE:
        atomic_store(&e->cache_limit, order->value);
        break;
    case PAGER_SAMPLE:
        sampler_configure(e->sampler, (unsigned)u64_min(order->value, SAMPLES_MAX), order->value2,
                          engine_now());
        atomic_store(&e->sampling_changed, true);
        break;
    case PAGER_PARK:
        set_task(c, TASK_PARK);
        break;
    case PAGER_UNPARK:
        set_task(c, TASK_UNPARK);
        break;
    case PAGER_DETACH:
        set_task(c, TASK_DETACH);
        break;
    case PAGER_EVICTING:
        atomic_store(&e->evicting, order->value != 0);
        break;
    case PAGER_CPUS:
        know_cpus(e, more, (size_t)order->value);
        break;
    case PAGER_NOTE_STOP:
        atomic_store(&figures->guest_stopped, order->value != 0);
        break;
    case PAGER_VERB_MAX:
        break;
    }
    engine_poke(e);
}

static void hang_up(struct control *c)
{
    fd_close(&c->client_fd);
}

static bool order_sane(const struct pager_order *order, size_t length)
{
    return length >= sizeof(*order) && order->protocol == PAGER_PROTOCOL &&
           order->verb < PAGER_VERB_MAX &&
           (order->verb != PAGER_CPUS || order->value <= PAGER_CPUS_MAX) &&
           length == pager_order_bytes(order);
}

static void read_order(struct control *c)
{
    struct {
        struct pager_order order;
        uint32_t more[PAGER_CPUS_MAX];
    } got;
    ssize_t n = recv(c->client_fd, &got, sizeof(got), MSG_DONTWAIT | MSG_TRUNC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(c);
        return;
    }
    if (!order_sane(&got.order, (size_t)n)) {
        log_warning("guest %s: an order that is none; its sender is of another release",
                    c->e->map.header->identity.name);
        hang_up(c);
        return;
    }
    obey(c, &got.order, got.more);
}

/* A new connection replaces the old one. */
static void accept_client(struct control *c)
{
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    hang_up(c);
    c->client_fd = fd;
    control_say(fd, PAGER_SAYS_READY, "");
}

/* Passes a notice on. True: it says that this is the end. */
static bool pass_on(struct control *c)
{
    struct pager_notice notice;

    if (recv(c->notices_fd, &notice, sizeof(notice), MSG_DONTWAIT) != sizeof(notice))
        return false;
    if (notice.kind == PAGER_SAYS_GONE)
        return true; /* said below, once */
    if (!send_notice(c->client_fd, &notice))
        hang_up(c);
    return notice.kind == PAGER_SAYS_DONE && notice.verb == PAGER_DETACH;
}

static void take_signal(struct control *c)
{
    struct signalfd_siginfo info;

    if (read(c->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        return;
    log_info("guest %s: told to end: everything is brought back first",
             c->e->map.header->identity.name);
    set_task(c, TASK_DETACH);
    engine_poke(c->e);
}

/* Anonymous memory: what is resident and not shared, and so neither map nor cache. */
static void measure(struct control *c)
{
    struct pagemap_figures *figures = pagemap_figures(&c->e->map);
    char text[128];
    ssize_t n = pread(c->statm_fd, text, sizeof(text) - 1, 0);
    const char *resident, *shared;

    atomic_store(&figures->slots_used, slots_used(c->e->slots));
    if (n <= 0)
        return;
    text[n] = '\0';
    resident = strchr(text, ' ');
    shared = resident ? strchr(resident + 1, ' ') : NULL;
    if (shared)
        atomic_store(&figures->memory_bytes,
                     u64_sub(strtoull(resident, NULL, 10), strtoull(shared, NULL, 10)) *
                         PAGE_BYTES);
}

static enum pager_exit guest_ended(struct control *c)
{
    log_info("guest %s: it has ended", c->e->map.header->identity.name);
    atomic_store(&pagemap_figures(&c->e->map)->phase, PAGER_GUEST_GONE);
    control_say(c->client_fd, PAGER_SAYS_GONE, "");
    return PAGER_EXIT_OK;
}

enum pager_exit control_run(struct control *c)
{
    control_say(c->client_fd, PAGER_SAYS_READY, "");
    measure(c);
    for (;;) {
        struct pollfd fds[] = {
            {.fd = c->listen_fd, .events = POLLIN},  {.fd = c->client_fd, .events = POLLIN},
            {.fd = c->pidfd, .events = POLLIN},      {.fd = c->signal_fd, .events = POLLIN},
            {.fd = c->notices_fd, .events = POLLIN},
        };

        if (poll(fds, sizeof(fds) / sizeof(fds[0]), MEASURE_MSEC) <= 0) {
            measure(c);
            continue;
        }
        if (fds[4].revents && pass_on(c))
            return atomic_load(&c->e->gone) ? guest_ended(c) : PAGER_EXIT_OK;
        if (fds[2].revents)
            return guest_ended(c);
        if (fds[3].revents)
            take_signal(c);
        if (fds[1].revents)
            read_order(c);
        if (fds[0].revents)
            accept_client(c);
    }
}
