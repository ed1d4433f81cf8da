/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: private memory of a process can be taken from outside by the kernel alone. It is asked in
 * one of two ways:
 * - with a cgroup v2 of the guest's own, memory.reclaim: the kernel's LRU chooses, and what it
 *   takes is free at once. memory.min and memory.low protect the guest from others' need;
 *   memory.swap.max keeps it to what it was promised. memory.high is left alone: it would throttle
 *   the virtual processors wherever they happen to be, under QEMU's own lock too, where the policy
 *   holds a guest knowingly, for a bounded time (blocking.h).
 * - without one, by paging out ranges that we choose (host/pageout.c).
 *
 * What a guest may occupy is a figure, as a pager's. Nobody wakes us when pages come back, so it is
 * compared with each look, and what is above goes out in rounds of RECLAIM_ROUND, one job at a time
 * for a guest. A guest of which nothing can be had is asked again after a pause that doubles.
 *
 * Swap space is promised before it is used: what all guests may have out at most is asked of the
 * pool, in the order in which they came; a guest for which there is none yet is not touched. (The
 * pool makes more of it where it has room: see vm_swap_full() in host/pageout.c.)
 *
 * Switched off (pager = no), nothing more is put out; what is out comes back when it is touched.
 *
 * DAMON is no source of activity here: of a process it needs CONFIG_DAMON_VADDR, which the kernels
 * that were looked at lack, and a session of its own for each guest; idle page tracking says the
 * same of single pages.
 */
#include "daemon/kernel_swap.h"

#include <errno.h>

#include "daemon/kernel_swap_impl.h"
#include "host/meminfo.h"

#define TICK_MSEC 1000

/* Guests that may be above what they may occupy before the next tick are looked at more often. */
#define CLOSE_TICK_MSEC 200

/* A cgroup is looked for so often: QEMU is put into its own a moment after its start. */
#define CGROUP_LOOK_USEC (10 * USEC_PER_SEC)

/* Less above what it may occupy is not worth a job. */
#define SLACK (1 * MIB)

static const char *const standing_names[] = {
    [KERNEL_SWAP_NONE] = "none",
    [KERNEL_SWAP_WAITING] = "waiting",
    [KERNEL_SWAP_READY] = "ready",
    [KERNEL_SWAP_REFUSED] = "refused",
};
G_STATIC_ASSERT(G_N_ELEMENTS(standing_names) == KERNEL_SWAP_STANDING_MAX);

const char *kernel_swap_standing_name(enum kernel_swap_standing standing)
{
    return standing_names[standing];
}

const char *kernel_swap_method_name(enum kernel_swap_method method)
{
    static const char *const names[] = {
        [KERNEL_SWAP_RECLAIM] = "memory.reclaim",
        [KERNEL_SWAP_PAGEOUT] = "pageout",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == KERNEL_SWAP_METHOD_MAX);
    return names[method];
}

const char *kernel_swap_source_name(enum kernel_swap_source source)
{
    static const char *const names[] = {
        [KERNEL_SWAP_IDLE_PAGES] = "idle-pages",
        [KERNEL_SWAP_LOOK] = "pageout",
        [KERNEL_SWAP_UNSAMPLED] = "none",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == KERNEL_SWAP_SOURCE_MAX);
    return names[source];
}

/* --- one guest --- */

struct kswap *kswap_ref(struct kswap *k)
{
    k->refs++;
    return k;
}

void kswap_unref(struct kswap *k)
{
    if (--k->refs > 0)
        return;
    pageout_close(&k->process);
    cgroup_free(k->cgroup);
    sampling_free(k->sampling);
    g_free(k->error);
    g_free(k);
}

void kswap_record(struct kswap *k, char *text)
{
    if (k->guest && k->all)
        k->all->calls->record(k->guest, text, k->all->data);
    else
        g_free(text);
}

void kswap_set_error(struct kswap *k, const char *text)
{
    if (g_strcmp0(k->error, text) == 0)
        return;
    g_free(k->error);
    k->error = g_strdup(text);
}

static void set_standing(struct kswap *k, enum kernel_swap_standing standing, const char *error)
{
    bool changed = k->standing != standing;

    k->standing = standing;
    if (standing != KERNEL_SWAP_READY)
        k->allowed = ALLOWED_ANY;
    if (standing != KERNEL_SWAP_READY || changed)
        kswap_set_error(k, error);
    if (!changed)
        return;
    if (standing == KERNEL_SWAP_READY)
        kswap_record(k, g_strdup_printf("host swap is ready for it, by %s",
                                        k->cgroup ? "memory.reclaim" : "pageout"));
    else if (standing != KERNEL_SWAP_NONE)
        kswap_record(k, g_strdup_printf("host swap is %s%s%s", kernel_swap_standing_name(standing),
                                        error ? ": " : "", error ? error : ""));
    if (k->guest)
        k->all->calls->changed(k->guest, k->all->data);
}

void kswap_refuse(struct kswap *k, const char *error)
{
    k->promised = 0;
    set_standing(k, KERNEL_SWAP_REFUSED, error);
}

static void configure_sampling(struct kswap *k)
{
    const struct config *config = k->all->config;

    if (k->job)
        return; /* with the next look */
    if (!k->sampling && config->pager_sample_pages > 0)
        k->sampling = sampling_new(k->all->host_root);
    if (k->sampling)
        sampling_configure(k->sampling, (unsigned)config->pager_sample_pages,
                           config->pager_sample_window_usec);
}

static struct kswap *kswap_new(struct kernel_swap *all, struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    struct kswap *k = g_new0(struct kswap, 1);
    int r = pageout_open(&k->process, all->host_root, facts->pid);

    k->refs = 1;
    k->all = all;
    k->guest = guest;
    k->pid = facts->pid;
    k->allowed = ALLOWED_ANY;
    k->pressure = USEC_NEVER;
    k->choice.random = (uint64_t)g_get_monotonic_time() ^ (uint64_t)facts->pid << 32;
    guest->kswap = k;
    g_ptr_array_add(all->guests, k);
    if (r < 0) {
        g_autofree char *why = g_strdup_printf("its memory can't be reached (%s); aerostatd needs "
                                               "CAP_SYS_PTRACE and CAP_SYS_NICE",
                                               g_strerror(-r));

        kswap_refuse(k, why);
    }
    return k;
}

/* Nothing calls it any more but the end of its job. */
static void kswap_close(struct kswap *k)
{
    if (k->guest)
        k->guest->kswap = NULL;
    k->guest = NULL;
    k->all = NULL;
}

/* --- its cgroup --- */

static void find_cgroup(struct kswap *k)
{
    int r;

    if (k->job || k->reclaim_missing)
        return;
    if (k->standing == KERNEL_SWAP_NONE) { /* nothing of ours is to be left in it */
        g_clear_pointer(&k->cgroup, cgroup_free);
        k->cgroup_at = 0;
        return;
    }
    if (kswap_now() < k->cgroup_at)
        return;
    k->cgroup_at = kswap_now() + CGROUP_LOOK_USEC;
    if (k->cgroup && cgroup_check(k->cgroup) == 0)
        return;
    g_clear_pointer(&k->cgroup, cgroup_free);
    r = cgroup_find(k->all->host_root, k->pid, &k->cgroup);
    k->no_cgroup = r == 0        ? NULL
                   : r == -EBUSY ? "it shares its cgroup with other processes"
                                 : "no cgroup v2 memory controller governs it";
}

/* What protects it, and keeps it to its promise. */
static void limit_cgroup(struct kswap *k)
{
    struct cgroup_limits limits = {
        .min = u64_min(k->wish.reservation, k->size),
        .low = u64_min(k->entitled, k->size),
        .high = CGROUP_NO_LIMIT,
        .swap_max = k->promised,
    };

    if (k->cgroup && !k->job && k->standing == KERNEL_SWAP_READY)
        (void)cgroup_limit(k->cgroup, &limits); /* what can't be written protects nobody */
}

static void look_at_cgroup(struct kswap *k)
{
    struct cgroup_figures f;

    k->pressure = USEC_NEVER;
    k->cache_known = false;
    if (!k->cgroup || cgroup_read(k->cgroup, &f) != 0)
        return;
    if (f.pressure_some_usec != CGROUP_UNKNOWN)
        k->pressure = f.pressure_some_usec;
    k->cache_known = f.zswap != CGROUP_UNKNOWN;
    if (k->cache_known)
        k->cache = f.zswap;
}

/* --- all of them --- */

static bool wanted(const struct kswap *k)
{
    return k->wish.wanted && k->all->config->mode == MODE_MANAGE;
}

/* Who is to have host swap, and for whom there is space. */
static void settle(struct kernel_swap *all)
{
    struct swap_pool_view pool;
    uint64_t need = 0;

    swap_pool_view(all->pool, &pool);
    all->frees_at_once = swap_pool_frees_at_once(all->pool);
    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];

        k->promised = 0;
        if (k->standing == KERNEL_SWAP_REFUSED)
            continue;
        if (!wanted(k) || k->choice.n == 0) {
            set_standing(k, KERNEL_SWAP_NONE, NULL);
            continue;
        }
        k->promised = u64_sub(k->size, k->wish.reservation);
        need += k->promised;
        /* What was promised stays so, whatever becomes of the space: what is out is out. */
        if (need <= pool.counted || k->standing == KERNEL_SWAP_READY)
            set_standing(k, KERNEL_SWAP_READY, NULL);
        else
            set_standing(k, KERNEL_SWAP_WAITING, pool.error ? pool.error : "for swap space");
    }
    if (need != all->needed)
        swap_pool_need(all->pool, need);
    all->needed = need;
}

static uint64_t part_of(uint64_t whole, uint64_t part, uint64_t all)
{
    return all ? (uint64_t)((double)whole * (double)part / (double)all) : 0;
}

/* What is in zswap is its guest's, by the kernel's word or else by its part of what is out. */
static void share_out_zswap(struct kernel_swap *all)
{
    struct swap_pool_view pool;
    uint64_t left;

    swap_pool_view(all->pool, &pool);
    left = pool.zswap_pool;
    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];
        uint64_t swapped = kswap_swapped(k);

        k->zswapped = u64_min(part_of(pool.zswap_payload, swapped, pool.used), swapped);
        if (!k->cache_known)
            k->cache = u64_min(part_of(pool.zswap_pool, swapped, pool.used), swapped);
        left = u64_sub(left, k->cache);
    }
    all->zswap_left = left;
}

/*
 * Slots in use hold what is out, and copies of what is in memory. Of the swap cache, as much
 * belongs to the latter, and counts with their guests already.
 */
static void look_at_swap_cache(struct kernel_swap *all)
{
    struct meminfo mem;
    uint64_t out = 0;

    for (guint i = 0; i < all->guests->len; i++)
        out += ((const struct kswap *)all->guests->pdata[i])->seen.swapped;
    all->swap_cache = 0;
    if (out > 0 && meminfo_read(all->host_root, &mem) == 0) {
        uint64_t copies = u64_sub(u64_sub(mem.swap_total, mem.swap_free), out);

        all->swap_cache = u64_min(u64_sub(mem.swap_cached, copies), out);
    }
}

/* As fast as it grew since the last look, it is above within a tick. */
static bool is_close(const struct kswap *k)
{
    return k->standing == KERNEL_SWAP_READY && k->allowed != ALLOWED_ANY &&
           kswap_resident(k) + k->cache + (uint64_t)k->growth > k->allowed;
}

static gboolean on_close_tick(void *data)
{
    struct kernel_swap *all = data;
    bool again = false;

    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];

        if (is_close(k)) {
            (void)kswap_look(k);
            again = true;
        }
    }
    kswap_pump(all);
    if (!again)
        all->close_tick = 0;
    return again ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void watch_closely(struct kernel_swap *all)
{
    for (guint i = 0; i < all->guests->len && !all->close_tick; i++) {
        if (is_close(all->guests->pdata[i]))
            all->close_tick = g_timeout_add(CLOSE_TICK_MSEC, on_close_tick, all);
    }
}

static void look(struct kswap *k)
{
    if (k->standing != KERNEL_SWAP_REFUSED && kswap_look(k))
        look_at_cgroup(k);
}

static gboolean on_tick(void *data)
{
    struct kernel_swap *all = data;

    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];

        find_cgroup(k);
        look(k);
        limit_cgroup(k);
        configure_sampling(k);
    }
    settle(all);
    share_out_zswap(all);
    look_at_swap_cache(all);
    watch_closely(all);
    kswap_pump(all);
    return G_SOURCE_CONTINUE;
}

uint64_t kernel_swap_memory(const struct kernel_swap *all)
{
    return all->swap_cache + all->zswap_left;
}

/* What is to be done for it now, if anything. */
static bool due(const struct kswap *k, usec_t now, enum job_kind *ret)
{
    if (k->job || k->standing != KERNEL_SWAP_READY)
        return false;
    if (kswap_excess(k) > SLACK && now >= k->paused_until) {
        *ret = JOB_RECLAIM;
        return true;
    }
    *ret = JOB_SAMPLE;
    return k->sampling && now >= k->sample_at;
}

void kswap_pump(struct kernel_swap *all)
{
    usec_t now = kswap_now();

    for (guint i = 0; i < all->guests->len && all->running < JOBS_MAX; i++) {
        struct kswap *k = all->guests->pdata[all->next++ % all->guests->len];
        enum job_kind kind;

        if (due(k, now, &kind))
            kswap_job_start(k, kind);
    }
}

struct kernel_swap *kernel_swap_new(const struct config *config, const char *host_root,
                                    struct swap_pool *pool, const struct kernel_swap_calls *calls,
                                    void *data)
{
    struct kernel_swap *all = g_new0(struct kernel_swap, 1);

    all->config = config;
    all->host_root = host_root;
    all->pool = pool;
    all->calls = calls;
    all->data = data;
    all->guests = g_ptr_array_new_with_free_func((GDestroyNotify)kswap_unref);
    all->tick = g_timeout_add(TICK_MSEC, on_tick, all);
    return all;
}

void kernel_swap_free(struct kernel_swap *all)
{
    if (!all)
        return;
    g_source_remove(all->tick);
    g_clear_handle_id(&all->close_tick, g_source_remove);
    for (guint i = 0; i < all->guests->len; i++)
        kswap_close(all->guests->pdata[i]);
    g_ptr_array_unref(all->guests);
    g_free(all);
}

void kernel_swap_configure(struct kernel_swap *all, const struct config *config)
{
    all->config = config;
    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];

        if (k->standing == KERNEL_SWAP_REFUSED && k->process.pidfd >= 0)
            k->standing = KERNEL_SWAP_NONE; /* with a new configuration it is worth another try */
        configure_sampling(k);
    }
    settle(all);
}

/* --- what reconcile asks --- */

static bool eligible(const struct guest *guest)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);

    return facts->pid > 0 && facts->size > 0 && facts->ram == VMM_RAM_PRIVATE;
}

static void take_ranges(struct kswap *k, const struct vmm_facts *facts)
{
    if (k->job) /* its thread reads them: with the next look */
        return;
    k->choice.n = facts->n_ranges;
    for (size_t i = 0; i < facts->n_ranges; i++)
        k->choice.ranges[i] = facts->ranges[i];
}

void kernel_swap_see(struct kernel_swap *all, struct guest *guest,
                     const struct kernel_swap_wish *wish)
{
    const struct vmm_facts *facts = vmm_guest_facts(guest->vmm);
    struct kswap *k = guest->kswap;
    bool changed;

    if (!k && (!eligible(guest) || !wish->wanted))
        return;
    changed = !k;
    if (!k)
        k = kswap_new(all, guest);
    changed |= k->wish.wanted != wish->wanted || k->wish.reservation != wish->reservation ||
               k->size != facts->size || k->choice.n != facts->n_ranges;
    k->wish = *wish;
    k->size = facts->size;
    k->other_anon = facts->other_anon;
    take_ranges(k, facts);
    look(k);
    if (changed)
        settle(all);
    kswap_pump(all);
}

void kernel_swap_forget(struct guest *guest)
{
    struct kswap *k = guest->kswap;
    struct kernel_swap *all;

    if (!k)
        return;
    all = k->all;
    kswap_close(k);
    g_ptr_array_remove(all->guests, k); /* gives up its reference */
    settle(all);
}

bool kernel_swap_allow(struct guest *guest, uint64_t bytes)
{
    struct kswap *k = guest->kswap;

    uint64_t before;

    if (!k || k->standing != KERNEL_SWAP_READY || k->allowed == bytes)
        return false;
    before = k->allowed;
    k->allowed = bytes;
    watch_closely(k->all);
    kswap_pump(k->all);
    return u64_max(before, bytes) - u64_min(before, bytes) >= SLACK;
}

void kernel_swap_entitle(struct guest *guest, uint64_t bytes)
{
    if (guest->kswap)
        guest->kswap->entitled = bytes;
}

usec_t kernel_swap_pressure(const struct guest *guest)
{
    return guest->kswap ? guest->kswap->pressure : USEC_NEVER;
}
