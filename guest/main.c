/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aerostat-guest DEVICE [SCRATCH [PROGRAMS]]: the lab's program inside a guest; PROTOCOL.md is its
 * language.
 *
 * Two processes. The reporter (this file) is the guest's init: all of its memory is locked and the
 * kernel never kills it, so it goes on reporting while the guest thrashes or kills. The worker
 * (worker.c) owns the memory and offers itself to the OOM killer first. They share one locked page
 * of counters (shared.h); orders go to the worker through a pipe. A worker that dies is reported
 * ("worker killed", its memory is gone) and replaced by an idle one.
 *
 * DEVICE is a virtio port, or a UNIX socket to connect to where the program is tried on a host.
 * There it ends with the connection; in a guest it never ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "guest/link.h"
#include "guest/report.h"
#include "guest/worker.h"

#define REPORT_DEFAULT_MS 500
#define DISCONNECTED_MS   100 /* a port without a lab is always "ready": look only so often */

static const char hello[] = "{\"hello\": 1}\n";

struct guest {
    struct link link;
    struct reporter reporter;
    struct shared *shared;
    struct worker_places places;
    const char *error; /* found by the reporter, of the last order; NULL: none */
    uint64_t seed;
    uint64_t next_report; /* ns */
    unsigned report_ms;
    pid_t worker;
    int orders; /* to the worker */
    int ended;  /* signalfd of SIGCHLD */
    bool greeted;
};

static int start_worker(struct guest *guest)
{
    autofd in = -1;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    in = ends[0];
    fd_close(&guest->orders);
    guest->orders = ends[1];
    guest->worker = fork();
    if (guest->worker < 0)
        return -errno;
    if (guest->worker == 0) {
        fd_close(&guest->orders);
        link_close(&guest->link);
        worker_run(guest->shared, in, &guest->places, guest->seed);
    }
    return fcntl(guest->orders, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Reaps whatever ended: as init, this process inherits orphans too. */
static void bury_worker(struct guest *guest)
{
    struct signalfd_siginfo info;
    pid_t pid;

    (void)!read(guest->ended, &info, sizeof(info));
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        if (pid != guest->worker)
            continue;
        guest->worker = -1;
        guest->error = "worker killed";
        atomic_store(&guest->shared->owned, 0);
        atomic_store(&guest->shared->finished, atomic_load(&guest->shared->ordered));
    }
}

static void pass_on(struct guest *guest, struct order *order)
{
    order->number = atomic_load(&guest->shared->ordered) + 1;
    atomic_store(&guest->shared->ordered, order->number); /* before the worker can read it */
    if (write(guest->orders, order, sizeof(*order)) != sizeof(*order)) {
        guest->error = "order: too many at once";
        atomic_store(&guest->shared->ordered, order->number - 1);
    }
}

static void take_order(void *data, const char *line, size_t len)
{
    struct guest *guest = data;
    struct order order;

    guest->reporter.taken++;
    guest->error = line ? order_parse(line, len, &order) : "order: line too long";
    if (guest->error)
        return;
    if (order.verb != ORDER_REPORT) {
        pass_on(guest, &order);
        return;
    }
    guest->report_ms = order.report_ms;
    guest->next_report = 0;
}

static void report(struct guest *guest)
{
    char line[LINK_OUT_MAX];
    size_t length;

    if (!guest->greeted)
        guest->greeted = link_write(&guest->link, hello, strlen(hello));
    length = reporter_write(&guest->reporter, guest->shared, guest->error, worker_now(), line,
                            sizeof(line));
    if (guest->greeted)
        (void)link_write(&guest->link, line, length); /* dropped where the lab does not read */
}

/* False where the lab is gone for good. */
static bool serve_link(struct guest *guest)
{
    if (link_read(&guest->link, take_order, guest))
        return true;
    guest->greeted = false;
    guest->reporter.taken = 0;
    return !guest->link.socket;
}

static int run(struct guest *guest)
{
    bool absent = false; /* the last look at the port found nobody */

    for (;;) {
        struct pollfd polls[] = {{.fd = guest->ended, .events = POLLIN},
                                 {.fd = absent ? -1 : guest->link.fd, .events = POLLIN}};
        uint64_t now = worker_now();
        int wait_ms = absent ? DISCONNECTED_MS : (int)guest->report_ms;

        if (now >= guest->next_report) {
            report(guest);
            guest->next_report = now + (uint64_t)guest->report_ms * 1000000u;
        } else if (!absent) {
            wait_ms = (int)((guest->next_report - now) / 1000000u) + 1;
        }
        if (poll(polls, 2, wait_ms) < 0 && errno != EINTR)
            return -errno;
        if (polls[0].revents)
            bury_worker(guest);
        if (guest->worker < 0) /* where it can't be started now, the next round tries again */
            (void)start_worker(guest);
        absent = (polls[1].revents & POLLHUP) && !guest->link.socket;
        if (polls[1].revents && !serve_link(guest))
            return 0;
    }
}

/* Children end by signal; the reporter hears of it in its loop. */
static int watch_children(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int guest_init(struct guest *guest, const char *device, const struct worker_places *places)
{
    int error;

    *guest = (struct guest){
        .places = *places, .report_ms = REPORT_DEFAULT_MS, .orders = -1, .link.fd = -1};
    guest->shared = mmap(NULL, sizeof(*guest->shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (guest->shared == MAP_FAILED || getrandom(&guest->seed, sizeof(guest->seed), 0) < 0)
        return -errno;
    error = reporter_init(&guest->reporter, worker_now());
    if (error < 0)
        return error;
    guest->ended = watch_children();
    if (guest->ended < 0)
        return guest->ended;
    error = link_open(&guest->link, device);
    if (error < 0)
        return error;
    return start_worker(guest);
}

int main(int argc, char **argv)
{
    static struct guest guest;
    const struct worker_places places = {
        .scratch = argc > 2 ? argv[2] : NULL,
        .programs = argc > 3 ? argv[3] : NULL,
    };
    int error;

    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: aerostat-guest DEVICE [SCRATCH-DIRECTORY [ROOT-OF-PROGRAMS]]\n");
        return 2;
    }
    error = guest_init(&guest, argv[1], &places);
    /* After the first worker began: it must not be locked. On a host it may well be refused. */
    if (error == 0 && mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
        fprintf(stderr, "aerostat-guest: memory is not locked: %s\n", strerror(errno));
    if (error == 0)
        error = run(&guest);
    if (error < 0)
        fprintf(stderr, "aerostat-guest: %s: %s\n", argv[1], strerror(-error));
    return error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
