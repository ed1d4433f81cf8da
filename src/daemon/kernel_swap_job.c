/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for the disk, or for the process's locks, is done in GLib's pool of threads: one job
 * at a time for a guest, a round of what is to go out or a look at its samples. A daemon that ends
 * does not wait for them.
 */
#include <errno.h>
#include <gio/gio.h>

#include "base/log.h"
#include "base/size.h"
#include "daemon/kernel_swap_impl.h"

/* A job that freed less than this part of what it was to has failed. */
#define SUCCESS_PART 8

/* After a failed one; doubles with each in a row, up to... */
#define PAUSE_FIRST_USEC (100 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC   (30 * USEC_PER_SEC)

/* As many in a row are told of, and the policy does not count on this guest any more. */
#define FAILURES_TOLD 4

/* Pages that are brought back to see what that costs. */
#define PROBES 3

/* Of what was measured before, and of the new figure, as much each counts. */
#define SMOOTHING 4

/* Between looks at samples. */
#define SAMPLE_LOOK_USEC (1 * USEC_PER_SEC)

struct job {
    struct kswap *k;
    enum job_kind kind;
    uint64_t bytes;             /* to go out; of a look at samples: resident */
    bool cached;                /* swap space keeps copies in memory */
    uint64_t resident, swapped; /* bytes of its RAM before it: looks go on meanwhile */

    /* What came of it: */
    int error;
    uint64_t put_out; /* bytes, of PAGEOUT */
    uint64_t stayed;  /* bytes that could not go out */
    usec_t took;
    double fault_cost; /* usec; 0: not measured */
    struct kswap_activity activity;
    int seen_error;
    struct pageout_figures seen; /* after it */
};

/* --- in the thread --- */

static int compare_costs(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* What it costs to bring back one of the pages that are out now: the median of a few, which go out
 * again. */
static void probe(struct job *job, const uint64_t *pages, size_t n)
{
    const struct pageout *process = &job->k->process;
    uint64_t back[PROBES];
    int64_t costs[PROBES];
    struct pageout_result result;
    int64_t median;

    if (n < PROBES)
        return;
    for (size_t i = 0; i < PROBES; i++) {
        back[i] = pages[i * (n / PROBES)];
        costs[i] = pageout_bring_back(process, back[i]);
        if (costs[i] < 0)
            return;
    }
    (void)pageout_free(process, back, PROBES, job->cached, &result);
    job->put_out -= (PROBES - result.out) * PAGEOUT_PAGE;
    qsort(costs, PROBES, sizeof(*costs), compare_costs);
    median = costs[PROBES / 2];
    job->fault_cost = (double)median;
}

static void put_out(struct job *job)
{
    struct kswap *k = job->k;
    size_t max = (size_t)((job->bytes + PAGEOUT_PAGE - 1) / PAGEOUT_PAGE);
    g_autofree uint64_t *pages = g_new(uint64_t, max);
    ssize_t n = pageout_choose(&k->process, &k->choice, pages, max);
    struct pageout_result result = {0};

    if (n > 0)
        job->error = pageout_free(&k->process, pages, (size_t)n, job->cached, &result);
    else
        job->error = (int)n;
    job->put_out = result.out * PAGEOUT_PAGE;
    job->stayed = result.stayed * PAGEOUT_PAGE;
    if (job->error == 0)
        probe(job, pages, result.out);
}

static void run(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    struct job *job = data;
    struct kswap *k = job->k;
    usec_t begin = kswap_now();

    (void)source;
    (void)cancellable;
    if (job->kind == JOB_SAMPLE)
        job->error = sampling_look(k->sampling, &k->process, &k->choice, job->bytes, job->cached,
                                   &job->activity);
    else if (k->cgroup)
        job->error = cgroup_reclaim(k->cgroup, job->bytes);
    else
        put_out(job);
    job->took = kswap_now() - begin;
    job->seen_error = pageout_figures(&k->process, &job->seen);
    g_task_return_boolean(task, TRUE);
}

/* --- in the main loop --- */

static double smoothed(double before, double now)
{
    return before > 0 ? before + (now - before) / SMOOTHING : now;
}

static void succeeded(struct kswap *k, const struct job *job, uint64_t freed)
{
    if (k->failures >= FAILURES_TOLD) {
        kswap_set_error(k, NULL);
        kswap_record(k, g_strdup("pages of it can be put out again"));
    }
    k->failures = 0;
    k->speed =
        smoothed(k->speed, (double)freed * (double)USEC_PER_SEC / (double)u64_max(job->took, 1));
    if (job->fault_cost > 0)
        k->fault_cost = smoothed(k->fault_cost, job->fault_cost);
}

static const char *why_not(const struct kswap *k, const struct job *job)
{
    if (swap_pool_room(k->all->pool) < RECLAIM_ROUND)
        return "swap space is full";
    if (job->stayed > job->put_out)
        return "its pages do not go out: they are pinned, or shared with other processes";
    if (job->error && job->error != -EAGAIN)
        return g_strerror(-job->error);
    return "nothing more of it can be put out";
}

static void failed(struct kswap *k, const struct job *job)
{
    k->failures++;
    k->paused_until =
        kswap_now() + u64_min(PAUSE_FIRST_USEC << MIN(k->failures, 16), PAUSE_MAX_USEC);
    if (k->failures < FAILURES_TOLD)
        return;
    kswap_set_error(k, why_not(k, job));
    if (k->failures == FAILURES_TOLD)
        kswap_record(k, g_strdup_printf("no pages of it can be put out: %s", k->error));
}

/* What went out by the kernel's choice. A guest that grows as fast as it is reclaimed has no less
 * in memory after it, but more of it is out. */
static uint64_t reclaimed(const struct kswap *k, const struct job *job)
{
    return u64_max(u64_sub(job->resident, kswap_resident(k)),
                   u64_sub(job->seen.swapped, job->swapped));
}

static void judge_reclaim(struct kswap *k, const struct job *job)
{
    uint64_t freed = k->cgroup ? reclaimed(k, job) : job->put_out;

    if (job->error == -EOPNOTSUPP && k->cgroup) {
        k->reclaim_missing = true;
        k->no_cgroup = "this kernel has no memory.reclaim";
        g_clear_pointer(&k->cgroup, cgroup_free);
    } else if (job->error == -EBUSY && k->cgroup) {
        g_clear_pointer(&k->cgroup, cgroup_free);
        k->cgroup_at = 0;
    } else if (job->error == -EINVAL && !k->cgroup) {
        kswap_refuse(k, "its memory is locked or made of huge pages of its own (mem-lock=on, "
                        "hugetlbfs), which the kernel can't page out");
    } else if (freed >= job->bytes / SUCCESS_PART) {
        succeeded(k, job, freed);
    } else {
        failed(k, job);
    }
}

static void judge_samples(struct kswap *k, const struct job *job)
{
    k->sample_at = kswap_now() + SAMPLE_LOOK_USEC;
    if (job->error == 0)
        k->activity = job->activity;
    else if (job->error == -EINVAL)
        kswap_refuse(k, "its memory is locked or made of huge pages of its own (mem-lock=on, "
                        "hugetlbfs), which the kernel can't page out");
}

static void done(GObject *source, GAsyncResult *result, gpointer data)
{
    struct job *job = data;
    struct kswap *k = job->k;

    (void)source;
    (void)result;
    k->job = false;
    if (k->all) {
        k->all->running--;
        if (job->seen_error == 0)
            kswap_account(k, &job->seen, job->put_out);
        if (job->kind == JOB_RECLAIM)
            judge_reclaim(k, job);
        else
            judge_samples(k, job);
        kswap_pump(k->all);
    }
    kswap_unref(k);
    g_free(job);
}

void kswap_job_start(struct kswap *k, enum job_kind kind)
{
    struct job *job = g_new0(struct job, 1);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, done, job);

    job->k = kswap_ref(k);
    job->kind = kind;
    job->resident = kswap_resident(k);
    job->swapped = k->seen.swapped;
    job->bytes = kind == JOB_SAMPLE ? job->resident : u64_min(kswap_excess(k), RECLAIM_ROUND);
    job->cached = !k->all->frees_at_once;
    k->job = true;
    k->all->running++;
    g_task_set_task_data(task, job, NULL);
    g_task_run_in_thread(task, run);
}
