/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mover does next. In order of urgency: samples that are due (few, and what is known of
 * the guest hangs on them), everything back, everything out, down to what is allowed, the cache's
 * overflow and upkeep. It begins batches as long as there are free ones and there is something to
 * do, and ends them as their I/O completes.
 *
 * Between bringing back and putting out all batches are ended, and the faults thread gets through
 * with what it has read (discard.c says why).
 *
 * Where nothing can be put out (swap file full or broken, nothing compressible left), it tries
 * again once in a while, and the guest occupies more than it is allowed.
 */
#include "pager/mover.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/mover_impl.h"
#include "pager/sandbox.h"

/* Eviction goes this much below what is allowed, so that it need not begin anew with every page. */
#define SLACK_MAX  (1 * MIB)
#define SLACK_PART 64

/* How long the thread may sleep without a look at whether it is to stop. */
#define LOOK_USEC (250 * USEC_PER_MSEC)

#define DONE_MAX 32

static bool brings_back(enum activity activity)
{
    return activity == ACTIVITY_BACK || activity == ACTIVITY_RETIRE;
}

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

/* Bytes to be evicted beyond what is on its way out. */
static uint64_t to_evict(struct mover *m)
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

    return mover_can_write(m, now) && now >= m->stuck_until &&
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
    if (now >= m->stuck_until && (to_evict(m) > 0))
        return ACTIVITY_EVICT;
    if (cache_overflows(m, now))
        return ACTIVITY_DRAIN;
    if (cache_wants_compaction(e->cache))
        return ACTIVITY_COMPACT;
    return ACTIVITY_NONE;
}

static const char *task_text(const struct mover *m)
{
    return m->task == TASK_PARK ? "its swap file is full or broken"
                                : "pages can't be read back from its swap file";
}

static enum pager_verb verb_of(enum engine_task task)
{
    return task == TASK_PARK ? PAGER_PARK : task == TASK_UNPARK ? PAGER_UNPARK : PAGER_DETACH;
}

static void set_phase(struct mover *m, enum pager_phase phase)
{
    atomic_store(&pagemap_figures(&m->e->map)->phase, phase);
}

static void new_pass(struct mover *m)
{
    m->cursor = 0;
    m->moved_in_pass = m->failed_in_pass = 0;
}

/* Takes the task that control has set, if there is a new one. Nothing is under way. */
static void take_task(struct mover *m, enum engine_task task)
{
    static const enum pager_phase phases[] = {[TASK_NONE] = PAGER_SERVING,
                                              [TASK_PARK] = PAGER_PARKING,
                                              [TASK_UNPARK] = PAGER_UNPARKING,
                                              [TASK_DETACH] = PAGER_DETACHING};

    if (m->task != TASK_NONE)
        engine_say(m->e, PAGER_SAYS_FAILED, verb_of(m->task), "another order came after it");
    m->task = task;
    m->stuck_until = 0;
    new_pass(m);
    set_phase(m, phases[task]);
}

static void task_over(struct mover *m, bool done)
{
    unsigned expected = m->task;

    if (m->task == TASK_DETACH && done) {
        int r = uffd_unregister(&m->e->uffd);

        m->detached = done = r == 0;
        if (r < 0)
            log_error("guest %s: unregister: %s", m->e->map.header->identity.name, g_strerror(-r));
    }
    if (done && m->task == TASK_PARK)
        atomic_store(&pagemap_figures(&m->e->map)->parked, 1);
    else if (done)
        atomic_store(&pagemap_figures(&m->e->map)->parked, 0);
    set_phase(m, PAGER_SERVING);
    engine_say(m->e, done ? PAGER_SAYS_DONE : PAGER_SAYS_FAILED, verb_of(m->task), "%s",
               done ? "" : task_text(m));
    (void)atomic_compare_exchange_strong(&m->e->task, &expected, TASK_NONE);
    m->task = TASK_NONE;
}

/* A pass over all pages has come to its end, its batches too. */
static void pass_over(struct mover *m)
{
    struct pagemap_figures *figures = pagemap_figures(&m->e->map);
    uint64_t out =
        atomic_load(&figures->pages[PAGE_SWAPPED]) + atomic_load(&figures->pages[PAGE_COMPRESSED]);

    if (m->task == TASK_PARK)
        task_over(m, m->failed_in_pass == 0);
    else if (out == 0)
        task_over(m, true);
    else if (m->moved_in_pass == 0 && m->failed_in_pass > 0)
        task_over(m, false);
    else
        new_pass(m); /* pages that others had claimed */
}

static bool is_out(struct page_place place)
{
    return place.state == PAGE_SWAPPED || place.state == PAGE_COMPRESSED;
}

static bool takes_room(struct page_place place)
{
    return place.state == PAGE_RESIDENT || place.state == PAGE_COMPRESSED;
}

/* Claims @page and adds it if it is @right. */
static void add_if(struct mover *m, struct batch *b, uint64_t page,
                   bool (*right)(struct page_place place))
{
    struct engine *e = m->e;

    if (!right(pagemap_get(&e->map, page)) || !claims_take(e->claims, page))
        return;
    if (right(pagemap_get(&e->map, page)))
        batch_add(b, e, page);
    else
        engine_give(e, page);
}

/* The next pages of a pass. */
static void fill_in_order(struct mover *m, struct batch *b, bool (*right)(struct page_place place))
{
    while (b->n < BATCH_PAGES && m->cursor < m->e->map.pages)
        add_if(m, b, m->cursor++, right);
}

static bool is_resident(struct page_place place)
{
    return place.state == PAGE_RESIDENT;
}

/* @pages are claimed, but may have left since they were looked at. */
static void fill_claimed(struct mover *m, struct batch *b, const uint64_t *pages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_resident(pagemap_get(&m->e->map, pages[i])))
            batch_add(b, m->e, pages[i]);
        else
            engine_give(m->e, pages[i]);
    }
}

static int by_page(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool is_compressed(struct page_place place)
{
    return place.state == PAGE_COMPRESSED;
}

static void fill_oldest(struct mover *m, struct batch *b)
{
    uint64_t pages[BATCH_PAGES];
    size_t n = cache_oldest(m->e->cache, pages, BATCH_PAGES);

    qsort(pages, n, sizeof(pages[0]), by_page);
    for (size_t i = 0; i < n; i++)
        add_if(m, b, pages[i], is_compressed);
}

static void fill(struct mover *m, struct batch *b, enum activity activity)
{
    uint64_t pages[BATCH_PAGES];
    uint64_t wanted;

    if (activity == ACTIVITY_PARK) {
        b->goal = GOAL_SWAP;
        fill_in_order(m, b, takes_room);
    } else if (activity == ACTIVITY_BACK) {
        b->goal = GOAL_BACK;
        fill_in_order(m, b, is_out);
    } else if (activity == ACTIVITY_EVICT) {
        b->goal = GOAL_ANYWHERE;
        wanted = u64_min((to_evict(m) + PAGE_BYTES - 1) / PAGE_BYTES, BATCH_PAGES);
        fill_claimed(m, b, pages, wanted > 0 ? victims_choose(m->e->victims, pages, wanted) : 0);
    } else {
        b->goal = activity == ACTIVITY_DRAIN ? GOAL_DRAIN : GOAL_RENEW;
        m->cache_full = false;
        fill_oldest(m, b);
    }
}

/* Begins one batch; false: there is nothing to begin. */
static bool begin(struct mover *m, enum activity activity)
{
    struct batch *b = batch_new(m);

    fill(m, b, activity);
    if (b->n == 0) {
        b->used = false;
        return false;
    }
    (activity == ACTIVITY_BACK ? back_begin : evict_begin)(m, b);
    return true;
}

static usec_t processor_time(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

/* Samples that nobody has touched for the longest window come back. */
static void retire(struct mover *m, usec_t now)
{
    struct engine *e = m->e;
    uint64_t pages[BATCH_PAGES];
    size_t n;

    while ((n = sampler_retired(e->sampler, pages, BATCH_PAGES, now)) > 0) {
        struct batch *b = batch_new(m);

        b->goal = GOAL_COLD;
        qsort(pages, n, sizeof(pages[0]), by_page);
        for (size_t i = 0; i < n; i++)
            add_if(m, b, pages[i], is_compressed);
        back_begin(m, b);
    }
}

/* All batches are free here; samples and their return need no I/O. */
static void sample(struct mover *m, usec_t now)
{
    struct engine *e = m->e;
    usec_t before = processor_time();
    unsigned n = sampler_due(e->sampler, now, &m->sample_at);
    uint64_t pages[BATCH_PAGES];

    retire(m, now);
    engine_quiet(e);
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
    if (next == ACTIVITY_SAMPLE || brings_back(next) != brings_back(m->activity))
        finish_all(m);
    if (brings_back(m->activity))
        engine_quiet(m->e);
    m->activity = next;
}

/* There is nothing to begin: the end of what is under way, or of all there was to do. */
static void wind_up(struct mover *m, usec_t now)
{
    if (batch_any(m))
        collect(m, LOOK_USEC);
    else if (m->activity == ACTIVITY_PARK || m->activity == ACTIVITY_BACK)
        pass_over(m);
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
        take_task(m, task);
    }
    turn_to(m, choose(m, now));
    if (m->activity == ACTIVITY_SAMPLE)
        sample(m, now);
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

    m->started = swapio_new(&m->io, m->e->swap_fd, -1, BATCHES * BATCH_PAGES, BATCHES, BATCH_BYTES);
    /* A ring's buffers are pinned memory, which takes a capability. */
    if (m->started == 0 && !sandbox_drop_privileges(NULL))
        m->started = -EPERM;
    (void)pthread_barrier_wait(&m->ready);
    while (m->started == 0 && !atomic_load(&m->e->stopping))
        step(m);
    finish_all(m);
    swapio_free(m->io);
    return NULL;
}

static void mover_free(struct mover *m)
{
    pthread_barrier_destroy(&m->ready);
    free(m);
}

int mover_start(struct mover **ret, struct engine *e)
{
    struct mover *m = calloc(1, sizeof(*m));
    int r;

    if (!m)
        return -ENOMEM;
    m->e = e;
    (void)pthread_barrier_init(&m->ready, NULL, 2);
    r = pthread_create(&m->thread, NULL, thread_main, m);
    if (r == 0) {
        (void)pthread_setname_np(m->thread, "mover");
        (void)pthread_barrier_wait(&m->ready);
        r = -m->started;
        if (r > 0)
            (void)pthread_join(m->thread, NULL);
    }
    if (r > 0) {
        mover_free(m);
        return -r;
    }
    *ret = m;
    return 0;
}

void mover_join(struct mover *m)
{
    (void)pthread_join(m->thread, NULL);
    mover_free(m);
}
