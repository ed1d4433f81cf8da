/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples go out, and those that nobody has touched for the longest window come back. Neither needs
 * I/O: a sample is in the cache, compressed or not. No batch is under way meanwhile.
 */
#include <time.h>

#include "pager/mover_impl.h"

static usec_t processor_time(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static void retire(struct mover *m, usec_t now)
{
    struct engine *e = m->e;
    uint64_t pages[BATCH_PAGES];
    size_t n;

    while ((n = sampler_retired(e->sampler, pages, BATCH_PAGES, now)) > 0) {
        struct batch *b = batch_new(m);

        b->goal = GOAL_COLD;
        fill_compressed(m, b, pages, n);
        back_begin(m, b);
    }
}

void sampling_step(struct mover *m, usec_t now)
{
    struct engine *e = m->e;
    usec_t before = processor_time();
    unsigned n = sampler_due(e->sampler, now, &m->sample_at);
    uint64_t pages[BATCH_PAGES];

    retire(m, now);
    while (n > 0) {
        struct batch *b = batch_new(m);
        size_t got = victims_sample(e->victims, pages, n < BATCH_PAGES ? n : BATCH_PAGES);

        b->goal = GOAL_SAMPLE;
        fill_claimed(m, b, pages, got);
        evict_begin(m, b);
        if (got == 0)
            break;
        n -= (unsigned)got;
    }
    count(&pagemap_figures(&e->map)->sampling_cpu_usec, processor_time() - before);
}
