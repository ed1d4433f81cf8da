/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A pace that fell behind (a swapped-out guest) may catch up by this much, not by all it missed. */
#define PACE_LAG_MAX_NSEC 100000000u

bool worker_interrupted(const struct worker *w)
{
    return atomic_load_explicit(&w->shared->ordered, memory_order_relaxed) != w->current;
}

void worker_fail(struct worker *w, const char *what, int error_number)
{
    atomic_store(&w->shared->error_number, error_number);
    atomic_store(&w->shared->error, what);
    atomic_store(&w->shared->failed, w->current);
}

/* Marsaglia's xorshift with a multiplier: cheap, and good enough to choose pages. */
uint64_t worker_random(struct worker *w)
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return w->random * 0x2545f4914f6cdd1du;
}

uint64_t worker_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void worker_count(struct worker *w, bool right)
{
    (void)atomic_fetch_add_explicit(&w->shared->operations, 1, memory_order_relaxed);
    if (!right)
        (void)atomic_fetch_add_explicit(&w->shared->wrong, 1, memory_order_relaxed);
}

/* Until @nsec have passed or an order arrives. */
static void sleep_interruptibly(const struct worker *w, uint64_t nsec)
{
    struct pollfd poll_order = {.fd = w->orders, .events = POLLIN};
    struct timespec wait = {.tv_sec = (time_t)(nsec / 1000000000u),
                            .tv_nsec = (long)(nsec % 1000000000u)};

    (void)ppoll(&poll_order, 1, &wait, NULL);
}

bool worker_pace(struct worker *w, struct pace *pace, double units)
{
    uint64_t now;

    if (!(pace->rate > 0))
        return false;
    now = worker_now();
    if (pace->due + PACE_LAG_MAX_NSEC < now)
        pace->due = now - (pace->due ? PACE_LAG_MAX_NSEC : 0);
    pace->due += (uint64_t)(units / pace->rate * 1e9);
    if (pace->due <= now)
        return false;
    sleep_interruptibly(w, pace->due - now);
    return true;
}

static void verify_all(struct worker *w)
{
    for (uint64_t i = 0; i < w->pages.count && !worker_interrupted(w); i++)
        worker_count(w, pages_check(&w->pages, i));
}

static void free_memory(struct worker *w, uint64_t bytes)
{
    pages_shrink(&w->pages, (bytes + PAGE_BYTES - 1) / PAGE_BYTES);
    atomic_store(&w->shared->owned, w->pages.count * PAGE_BYTES);
}

static void drop_caches(struct worker *w)
{
    autofd fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

    sync();
    if (fd < 0 || write(fd, "1", 1) != 1)
        worker_fail(w, "cannot drop the page cache", errno);
}

static void obey(struct worker *w, const struct order *order)
{
    switch (order->verb) {
    case ORDER_FILL:
        worker_fill(w, order);
        break;
    case ORDER_TOUCH:
        worker_touch(w, order);
        break;
    case ORDER_STREAM:
        worker_stream(w, order);
        break;
    case ORDER_RUN:
        worker_run_command(w, order);
        break;
    case ORDER_VERIFY:
        verify_all(w);
        break;
    case ORDER_FREE:
        free_memory(w, order->bytes);
        break;
    case ORDER_DROP_CACHES:
        drop_caches(w);
        break;
    case ORDER_IDLE:
    case ORDER_REPORT:
        break;
    }
}

/* First in line when the guest's kernel looks for somebody to kill, and never left over. */
static void offer_oneself(void)
{
    autofd fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "1000", 4) != 4)
        perror("aerostat-guest: oom_score_adj");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

_Noreturn void worker_run(struct shared *shared, int orders, const struct worker_places *places,
                          uint64_t seed)
{
    struct worker w = {.shared = shared, .orders = orders, .places = *places, .random = seed | 1};
    struct order order;

    offer_oneself();
    if (pages_init(&w.pages, seed) < 0)
        exit(EXIT_FAILURE);
    /* Orders are written in one piece, so they are read in one. */
    while (read(orders, &order, sizeof(order)) == sizeof(order)) {
        w.current = order.number;
        obey(&w, &order);
        atomic_store(&shared->finished, order.number);
    }
    exit(EXIT_SUCCESS);
}
