/* SPDX-License-Identifier: Apache-2.0 */
/* Owned memory at work: growing it, and touching a working set of it. */
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

/* One reading of the clock a touch: its end is the next one's beginning, unless it slept. */
void worker_touch(struct worker *w, const struct order *order)
{
    struct pace pace = {.rate = order->rate};
    struct zipf zipf;
    uint64_t begin, end;

    if (!grow(w, order->bytes, order->content, 0))
        return;
    zipf_init(&zipf, (order->bytes + PAGE_BYTES - 1) / PAGE_BYTES, order->skew);
    begin = worker_now();
    while (!worker_interrupted(w)) {
        uint64_t random[] = {worker_random(w), worker_random(w)};
        uint64_t number = zipf_pick(&zipf, random);

        worker_count(w, pages_check(&w->pages, number));
        if (chance(w, order->writes))
            pages_rewrite(&w->pages, number);
        end = worker_now();
        histogram_add(&w->shared->latencies, end - begin);
        begin = worker_pace(w, &pace, 1) ? worker_now() : end;
    }
}
