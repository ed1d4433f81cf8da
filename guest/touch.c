/* SPDX-License-Identifier: Apache-2.0 */
/* Owned memory at work: growing it, and touching a working set of it. */
#include <pthread.h>
#include <stdatomic.h>

#include "guest/worker.h"
#include "guest/zipf.h"

/* False where it was interrupted. */
static bool grow(struct worker *w, uint64_t bytes, struct content content, double rate)
{
    struct pace pace = {.rate = rate};

    while (w->pages.count * PAGE_BYTES < bytes) {
        if (worker_interrupted(w))
            return false;
        pages_add(&w->pages, content);
        atomic_store_explicit(&w->shared->owned, w->pages.count * PAGE_BYTES, memory_order_relaxed);
        (void)worker_pace(w, &pace, PAGE_BYTES);
    }
    return true;
}

void worker_fill(struct worker *w, const struct order *order)
{
    (void)grow(w, order->bytes, order->content, order->rate);
}

static bool chance(struct worker *w, double probability)
{
    return (double)(worker_random(w) >> 11) < probability * 0x1p53;
}

/* One of the threads that touch at once: every page has one thread that it belongs to. */
struct toucher {
    struct worker worker; /* a copy: random numbers of its own */
    const struct order *order;
    unsigned index; /* it has the pages index, index + threads, ... */
    pthread_t thread;
};

/* One reading of the clock a touch: its end is the next one's beginning, unless it slept. */
static void *touch_own(void *data)
{
    struct toucher *t = data;
    struct worker *w = &t->worker;
    const struct order *order = t->order;
    struct pace pace = {.rate = order->rate / order->threads};
    uint64_t pages = (order->bytes + PAGE_BYTES - 1) / PAGE_BYTES, begin, end;
    struct zipf zipf;

    if (t->index >= pages)
        return NULL;
    zipf_init(&zipf, (pages - t->index + order->threads - 1) / order->threads, order->skew);
    begin = worker_now();
    while (!worker_interrupted(w)) {
        uint64_t random[] = {worker_random(w), worker_random(w)};
        uint64_t number = zipf_pick(&zipf, random) * order->threads + t->index;

        worker_count(w, pages_check(&w->pages, number));
        if (chance(w, order->writes))
            pages_rewrite(&w->pages, number);
        end = worker_now();
        histogram_add(&w->shared->latencies, end - begin);
        begin = worker_pace(w, &pace, 1) ? worker_now() : end;
    }
    return NULL;
}

static struct toucher toucher_of(struct worker *w, const struct order *order, unsigned index)
{
    struct toucher t = {.worker = *w, .order = order, .index = index};

    t.worker.random = worker_random(w) | 1;
    return t;
}

/* This thread is one of them. */
void worker_touch(struct worker *w, const struct order *order)
{
    struct toucher own, others[ORDER_THREADS_MAX];
    unsigned started = 1;

    if (!grow(w, order->bytes, order->content, 0))
        return;
    own = toucher_of(w, order, 0);
    for (; started < order->threads; started++) {
        struct toucher *t = &others[started];
        int error;

        *t = toucher_of(w, order, started);
        error = pthread_create(&t->thread, NULL, touch_own, t);
        if (error) {
            worker_fail(w, "touch: not all threads could be started", error);
            break;
        }
    }
    (void)touch_own(&own);
    for (unsigned i = 1; i < started; i++)
        (void)pthread_join(others[i].thread, NULL);
}
