/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the kernel has one swap space for everybody, and can't promise a part of it to anyone. So
 * the promise to guests with private memory is kept by size: there is always as much as all of them
 * together may have to put out. What the host has besides the pool counts as far as others have not
 * taken it. swap_plan.c says when there is to be more or less, swap_files.c does it, in a thread;
 * zswap.c decides on zswap.
 *
 * Nothing needs to be remembered: what is in use says /proc/swaps, and our files have names of
 * their own. A daemon that was killed leaves files in use, which the next one counts as its own.
 */
#include "daemon/swap_pool.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/size.h"
#include "daemon/capacity.h"
#include "daemon/swap_files.h"
#include "daemon/swap_look.h"
#include "daemon/zswap.h"
#include "host/swap.h"

#define TICK_MSEC 1000

/* After a failure: disks are not emptied faster. */
#define RETRY_USEC (30 * USEC_PER_SEC)

struct swap_job;

struct swap_pool {
    const struct config *config;
    const char *host_root;
    const struct swap_pool_calls *calls;
    void *data;
    char *directory; /* as it was at the start, without symbolic links: as /proc/swaps has it */
    guint tick;      /* source id */
    struct zswap *zswap;
    struct swap_job *job; /* under way; NULL */
    usec_t retry_at;
    usec_t surplus_since;
    char *error;   /* why it lacks what is needed; NULL */
    char *failure; /* of the last attempt to grow; NULL */
    uint64_t needed;
    uint64_t taken; /* bytes of swap space besides the pool that others use */

    struct swap_look seen;
    uint64_t could_grow;
};

/* What a thread does for the pool. The pool may be gone when it is done. */
struct swap_job {
    struct swap_pool *pool;
    char *directory, *path; /* path: of the file to take out; NULL: one of @bytes is to be added */
    uint64_t bytes;
};

static usec_t now_usec(void)
{
    return (usec_t)g_get_monotonic_time();
}

static void look(struct swap_pool *pool)
{
    if (swap_look(&pool->seen, pool->host_root, pool->directory) < 0)
        return; /* as last seen */
    pool->could_grow = swap_room(pool->directory, pool->config->swap_max, pool->seen.own_size);
    /* What others use of the host's own swap space can be told before guests do, and not
     * afterwards: it may become less. */
    pool->taken =
        pool->needed ? u64_min(pool->taken, pool->seen.others_used) : pool->seen.others_used;
}

/* Bytes of all swap space that guests can count on. */
static uint64_t counted(const struct swap_pool *pool)
{
    return pool->seen.own_size + u64_sub(pool->seen.others_size, pool->taken);
}

static void record(struct swap_pool *pool, char *text)
{
    pool->calls->record(text, pool->data);
}

static void swap_job_free(void *data)
{
    struct swap_job *job = data;

    g_free(job->directory);
    g_free(job->path);
    g_free(job);
}

static void work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const struct swap_job *job = data;
    g_autofree char *added = NULL;
    GError *error = NULL;
    bool done;

    (void)source;
    (void)cancellable;
    if (job->path)
        done = swap_files_take_out(job->path, &error);
    else
        done = (added = swap_files_add(job->directory, job->bytes, &error));
    if (done)
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void consider(struct swap_pool *pool);

static void on_grown(struct swap_pool *pool, uint64_t bytes, const GError *error)
{
    char by[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX], needed[SIZE_TEXT_MAX];

    g_clear_pointer(&pool->failure, g_free);
    if (error) {
        pool->failure = g_strdup(error->message);
        pool->retry_at = now_usec() + RETRY_USEC;
        if (counted(pool) >= pool->needed) /* else it is what set_error says */
            log_warning("%s", error->message);
        return;
    }
    record(pool, g_strdup_printf("swap space grew by %s to %s; guests with private memory need %s",
                                 size_format(bytes, by), size_format(pool->seen.size, size),
                                 size_format(pool->needed, needed)));
}

static void on_shrunk(struct swap_pool *pool, const char *path, const GError *error)
{
    char size[SIZE_TEXT_MAX];

    if (error) {
        log_warning("%s", error->message);
        pool->surplus_since = USEC_NEVER; /* it is not tried again at once */
        return;
    }
    record(pool, g_strdup_printf("swap space %s was not needed and is gone: %s are left", path,
                                 size_format(pool->seen.size, size)));
}

static void on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    const struct swap_job *job = data;
    struct swap_pool *pool = job->pool;
    g_autoptr(GError) error = NULL;

    (void)source;
    (void)g_task_propagate_boolean(G_TASK(result), &error);
    if (!pool)
        return;
    pool->job = NULL;
    look(pool);
    if (job->path)
        on_shrunk(pool, job->path, error);
    else
        on_grown(pool, job->bytes, error);
    consider(pool);
    pool->calls->changed(pool->data);
}

static void start(struct swap_pool *pool, const struct swap_plan *plan)
{
    struct swap_job *job = g_new0(struct swap_job, 1);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_done, job);

    job->pool = pool;
    job->directory = g_strdup(pool->directory);
    job->bytes = plan->bytes;
    if (plan->step == SWAP_STEP_SHRINK)
        job->path = g_strdup(pool->seen.paths[plan->file]);
    pool->job = job;
    g_task_set_task_data(task, job, swap_job_free);
    g_task_run_in_thread(task, work);
}

/* Says what is lacking, once. */
static void set_error(struct swap_pool *pool, bool lacking)
{
    g_autofree char *text = NULL;
    char needed[SIZE_TEXT_MAX], have[SIZE_TEXT_MAX], more[SIZE_TEXT_MAX];

    if (lacking && pool->failure)
        text = g_strdup(pool->failure);
    else if (lacking)
        text = g_strdup_printf(
            "guests with private memory need %s of swap space, %s are there and %s can be added: "
            "make room in %s, raise [swap] max, or raise reservations",
            size_format(pool->needed, needed), size_format(counted(pool), have),
            size_format(pool->could_grow, more), pool->directory);
    if ((pool->error != NULL) != lacking)
        record(pool, text ? g_strdup(text) : g_strdup("swap space suffices again"));
    g_free(pool->error);
    pool->error = g_steal_pointer(&text);
}

static void consider(struct swap_pool *pool)
{
    struct swap_plan_figures figures = {
        .needed = pool->needed,
        .others = u64_sub(pool->seen.others_size, pool->taken),
        .could_grow = pool->could_grow,
        .chunk = pool->config->swap_chunk,
        .keep = pool->config->swap_keep_usec,
        .in_memory = swap_pool_frees_at_once(pool),
        .n = pool->seen.n,
    };
    struct swap_plan plan;
    usec_t now = now_usec();

    if (pool->job || pool->config->mode != MODE_MANAGE)
        return;
    memcpy(figures.files, pool->seen.files, sizeof(figures.files));
    plan = swap_plan(&figures, &pool->surplus_since, now);
    set_error(pool, plan.lacking || (pool->failure && counted(pool) < pool->needed));
    if (plan.step == SWAP_STEP_SHRINK || (plan.step == SWAP_STEP_GROW && now >= pool->retry_at))
        start(pool, &plan);
}

static void see_zswap(struct swap_pool *pool)
{
    struct host_observation seen;
    struct zswap_wish wish = {
        .allowed = pool->config->swap_zswap && pool->config->mode == MODE_MANAGE,
        .wanted = pool->needed > 0,
    };

    if (capacity_observe(pool->config, pool->host_root, &seen) == 0)
        wish.capacity = seen.capacity;
    if (zswap_see(pool->zswap, &wish, &pool->seen.mem, now_usec()))
        record(pool, g_strdup_printf("zswap is %s: %s", zswap_is_on(pool->zswap) ? "on" : "off",
                                     zswap_reason(pool->zswap)));
}

static gboolean on_tick(void *data)
{
    struct swap_pool *pool = data;

    look(pool);
    see_zswap(pool);
    consider(pool);
    return G_SOURCE_CONTINUE;
}

static void clean(const struct swap_pool *pool)
{
    g_autoptr(GPtrArray) areas = NULL;
    unsigned n;

    if (pool->config->mode != MODE_MANAGE || swap_read(pool->host_root, &areas) < 0)
        return;
    n = swap_files_remove_stale(pool->directory, areas);
    if (n)
        log_notice("%u swap files in %s were left over and not in use: removed", n,
                   pool->directory);
}

/* Without symbolic links, as far as it is there already. */
static char *real_directory(const char *directory)
{
    char *real = realpath(directory, NULL);
    char *copy = g_strdup(real ? real : directory);

    free(real);
    return copy;
}

struct swap_pool *swap_pool_new(const struct config *config, const char *host_root,
                                const struct swap_pool_calls *calls, void *data)
{
    struct swap_pool *pool = g_new0(struct swap_pool, 1);
    g_autofree char *run = config_run_directory(config);
    g_autofree char *settings = g_build_filename(run, "zswap.settings", NULL);

    pool->config = config;
    pool->host_root = host_root;
    pool->calls = calls;
    pool->data = data;
    pool->directory = real_directory(config->swap_directory);
    pool->surplus_since = USEC_NEVER;
    pool->zswap = zswap_new(host_root, settings);
    clean(pool);
    look(pool);
    if (pool->seen.n)
        log_notice("%zu swap files in %s are in use already", pool->seen.n, pool->directory);
    pool->tick = g_timeout_add(TICK_MSEC, on_tick, pool);
    return pool;
}

/* What costs next to nothing to take out of use. */
static void take_out_empty(const struct swap_pool *pool)
{
    for (size_t i = 0; i < pool->seen.n; i++) {
        g_autoptr(GError) error = NULL;

        if (pool->seen.files[i].used <= SWAP_FILE_IDLE &&
            !swap_files_take_out(pool->seen.paths[i], &error))
            log_warning("%s", error->message);
    }
}

void swap_pool_free(struct swap_pool *pool)
{
    if (!pool)
        return;
    g_source_remove(pool->tick);
    look(pool);
    if (pool->config->mode == MODE_MANAGE && !pool->job)
        take_out_empty(pool);
    if (pool->job)
        pool->job->pool = NULL;
    swap_look_clear(&pool->seen);
    zswap_free(pool->zswap);
    g_free(pool->directory);
    g_free(pool->error);
    g_free(pool->failure);
    g_free(pool);
}

void swap_pool_configure(struct swap_pool *pool, const struct config *config)
{
    if (strcmp(pool->config->swap_directory, config->swap_directory) != 0)
        log_warning("[swap] directory takes effect with the next start; files stay in %s",
                    pool->directory);
    pool->config = config;
    pool->retry_at = 0;
    (void)on_tick(pool);
}

void swap_pool_need(struct swap_pool *pool, uint64_t bytes)
{
    if (bytes == pool->needed)
        return;
    pool->needed = bytes;
    (void)on_tick(pool);
}

void swap_pool_view(const struct swap_pool *pool, struct swap_pool_view *ret)
{
    const struct swap_look *seen = &pool->seen;

    *ret = (struct swap_pool_view){
        .size = seen->size,
        .used = seen->used,
        .own_size = seen->own_size,
        .counted = counted(pool),
        .needed = pool->needed,
        .could_grow = pool->could_grow,
        .files = (unsigned)seen->n,
        .growing = pool->job && !pool->job->path,
        .error = pool->error,
        .zswap = zswap_is_on(pool->zswap),
        .zswap_reason = zswap_reason(pool->zswap),
        .zswap_payload = seen->mem.zswapped == MEMINFO_UNKNOWN ? 0 : seen->mem.zswapped,
        .zswap_pool = seen->mem.zswap == MEMINFO_UNKNOWN ? 0 : seen->mem.zswap,
    };
}

uint64_t swap_pool_room(const struct swap_pool *pool)
{
    return u64_sub(pool->seen.size, pool->seen.used);
}

bool swap_pool_frees_at_once(const struct swap_pool *pool)
{
    return zswap_is_on(pool->zswap) || pool->seen.first_is_zram;
}
