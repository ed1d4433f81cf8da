/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mover does next. In order of urgency: samples that are due (few, and what is known of
 * the guest hangs on them), everything back, everything out, down to what is allowed, the cache's
 * overflow (in turn with eviction) and upkeep. It begins batches as long as there are free ones and
 * there is something to do, and ends them as their I/O completes.
 *
 * Between bringing back and putting out all batches are ended.
 *
 * Where nothing can be put out (swap file full or broken, nothing compressible left), it tries
 * again once in a while, and the guest occupies more than it is allowed.
 */
#include "pager/mover.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/mover_impl.h"

/* Eviction goes this much below what is allowed, so that it need not begin anew with every page. */
#define SLACK_MAX  (1 * MIB)
#define SLACK_PART 64

/* How long the thread may sleep without a look at whether it is to stop. */
#define LOOK_USEC USEC_PER_SEC

#define DONE_MAX 32

/* Ends batches whose I/O has completed; waits for one up to @timeout. */
static void collect(struct mover *m, uint64_t timeout)
{
    struct swapio_done done[DONE_MAX];
    int n = swapio_wait(m->io, done, DONE_MAX, timeout);

    if (n < 0 && n != -EINTR)
        log_error("guest %s: the ring of the swap file: %s", m->e->map.header->identity.name,
                  g_strerror(-n));
    for (int i = 0; i < n; i++) {
        const struct request *request = done[i].tag;
        struct batch *b = request->batch;
        bool back = b->goal >= GOAL_BACK;

        (back ? back_read : evict_written)(m, b, request, done[i].result);
        if (--b->requests_left == 0)
            (back ? back_finish : evict_finish)(m, b);
    }
}

static void finish_all(struct mover *m)
{
    while (batch_any(m))
        collect(m, UINT64_MAX);
}

uint64_t mover_to_evict(struct mover *m)
{
    struct pagemap_figures *figures = pagemap_figures(&m->e->map);
    uint64_t allowed = atomic_load(&figures->allowed);
    uint64_t resident = atomic_load(&figures->pages[PAGE_RESIDENT]) * PAGE_BYTES;
    uint64_t slack = u64_min(SLACK_MAX, allowed / SLACK_PART);
    uint64_t excess = u64_sub(resident + atomic_load(&figures->cache_bytes) + slack, allowed);

    if (engine_excess(m->e) > 0)
        m->below = true;
    excess = u64_min(excess, u64_sub(resident, RESIDENT_FLOOR * PAGE_BYTES));
    if (excess == 0)
        m->below = false;
    return m->below ? u64_sub(excess, batch_pages_leaving(m) * PAGE_BYTES) : 0;
}

static bool cache_overflows(const struct mover *m, usec_t now)
{
    struct pagemap_figures *figures = pagemap_figures(&m->e->map);

    return mover_can_write(m, now) &&
           (cache_excess(m->e->cache) > 0 || m->cache_full ||
            atomic_load(&figures->cache_bytes) > atomic_load(&figures->allowed));
}

static enum activity choose(struct mover *m, usec_t now)
{
    struct engine *e = m->e;

    if (m->detached)
        return ACTIVITY_NONE;
    if (m->task == TASK_UNPARK || m->task == TASK_DETACH)
        return ACTIVITY_BACK;
    if (!atomic_load(&e->evicting))
        return ACTIVITY_NONE;
    if (m->task == TASK_PARK)
        return ACTIVITY_PARK;
    if (now >= m->sample_at)
        return ACTIVITY_SAMPLE;
    if (now < m->stuck_until)
        return ACTIVITY_NONE;
    if (m->cache_full && cache_overflows(m, now))
        return ACTIVITY_DRAIN; /* in turn with eviction: the oldest make room for what comes */
    if (mover_to_evict(m) > 0)
        return ACTIVITY_EVICT;
    if (cache_overflows(m, now))
        return ACTIVITY_DRAIN;
    return cache_wants_compaction(e->cache) ? ACTIVITY_COMPACT : ACTIVITY_NONE;
}

/*
 * Does it pay to hold the guest back (press.c)? Yes, while something is put out, and while nothing
 * has to be. Not where it is above its bound, and nothing can be done about it.
 */
static void tell_relief(const struct mover *m, enum activity next)
{
    struct engine *e = m->e;
    bool relieves = next == ACTIVITY_EVICT || next == ACTIVITY_DRAIN;

    if (next == ACTIVITY_SAMPLE)
        return; /* as before: it is a matter of milliseconds */
    if (next == ACTIVITY_NONE || next == ACTIVITY_COMPACT)
        relieves = atomic_load(&e->evicting) && !m->detached && engine_excess(e) == 0;
    if (atomic_load(&e->relieves) != relieves)
        atomic_store(&e->relieves, relieves);
}

/* Begins one batch; false: there is nothing to begin. */
static bool begin(struct mover *m, enum activity activity)
{
    struct batch *b = batch_new(m);

    fill_batch(m, b, activity);
    if (b->n == 0) {
        b->used = false;
        return false;
    }
    (activity == ACTIVITY_BACK ? back_begin : evict_begin)(m, b);
    return true;
}

static void wait_for_work(struct mover *m, usec_t now)
{
    struct engine *e = m->e;
    struct pollfd poke = {.fd = e->poke_fd, .events = POLLIN};
    uint64_t t = u64_min(LOOK_USEC, u64_sub(m->sample_at, now)), drained;
    struct timespec ts;

    if (now < m->stuck_until)
        t = u64_min(t, m->stuck_until - now); /* not to be poked for what can't be done */
    else
        atomic_store(&e->mover_waits, true);
    if (atomic_load(&e->task) == m->task && choose(m, now) == ACTIVITY_NONE) {
        ts = (struct timespec){.tv_sec = (time_t)(t / USEC_PER_SEC),
                               .tv_nsec = (long)(t % USEC_PER_SEC * 1000)};
        if (ppoll(&poke, 1, &ts, NULL) > 0 && read(e->poke_fd, &drained, sizeof(drained)) < 0)
            return; /* non-blocking, and somebody was faster: nobody is */
    }
    atomic_store(&e->mover_waits, false);
}

/* Orders that take effect whatever is being done. */
static void heed_settings(struct mover *m)
{
    struct engine *e = m->e;
    uint64_t limit = atomic_load(&e->cache_limit);

    if (atomic_exchange(&e->sampling_changed, false))
        m->sample_at = 0;
    if (limit != m->cache_limit) {
        m->cache_limit = limit;
        cache_set_limit(e->cache, limit);
    }
}

/* What is under way is to suit what comes next. */
static void turn_to(struct mover *m, enum activity next)
{
    if (next == m->activity)
        return;
    if (next == ACTIVITY_SAMPLE || (next == ACTIVITY_BACK) != (m->activity == ACTIVITY_BACK))
        finish_all(m);
    m->activity = next;
}

/* There is nothing to begin: the end of what is under way, or of all there was to do. */
static void wind_up(struct mover *m, usec_t now)
{
    if (batch_any(m))
        collect(m, LOOK_USEC);
    else if (m->activity == ACTIVITY_PARK || m->activity == ACTIVITY_BACK)
        task_pass_over(m);
    else if (m->activity == ACTIVITY_NONE)
        wait_for_work(m, now);
    else
        m->stuck_until = now + USEC_PER_MSEC; /* others have claimed what there is */
}

static void step(struct mover *m)
{
    usec_t now = engine_now();
    enum engine_task task = atomic_load(&m->e->task);

    heed_settings(m);
    if (task != m->task) {
        finish_all(m);
        task_take(m, task);
    }
    turn_to(m, choose(m, now));
    tell_relief(m, m->activity);
    if (m->activity == ACTIVITY_SAMPLE)
        sampling_step(m, now);
    else if (!batch_free(m))
        collect(m, LOOK_USEC);
    else if (m->activity == ACTIVITY_NONE || !begin(m, m->activity))
        wind_up(m, now);
    else
        collect(m, 0);
}

static void *thread_main(void *data)
{
    struct mover *m = data;
    bool good;
    int r;

    worker_hurry(m->e->map.header->identity.name);
    r = swapio_new(&m->io, m->e->swap_fd, -1, BATCHES * BATCH_PAGES, BATCHES, BATCH_BYTES);
    good = worker_ready(&m->worker, r);
    while (good && !atomic_load(&m->e->stopping))
        step(m);
    finish_all(m);
    swapio_free(m->io);
    return NULL;
}

int mover_start(struct mover **ret, struct engine *e)
{
    struct mover *m = calloc(1, sizeof(*m));
    int r;

    if (!m)
        return -ENOMEM;
    m->e = e;
    r = worker_start(&m->worker, "mover", thread_main, m);
    if (r < 0)
        free(m);
    else
        *ret = m;
    return r;
}

void mover_join(struct mover *m)
{
    worker_join(&m->worker);
    free(m);
}
