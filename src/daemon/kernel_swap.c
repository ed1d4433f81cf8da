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

#include "daemon/kernel_swap_impl.h"

#define TICK_MSEC 1000

/* Guests that may be above what they may occupy before the next tick are looked at more often. */
#define CLOSE_TICK_MSEC 200

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

void kswap_set_standing(struct kswap *k, enum kernel_swap_standing standing, const char *error)
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
    kswap_set_standing(k, KERNEL_SWAP_REFUSED, error);
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
    if (k->cgroup) /* a job under way keeps it, and a daemon that ends does not wait for that */
        cgroup_put_back(k->cgroup);
}

/* --- all of them --- */

/* As fast as it grew since the last look, it is above within a tick. */
static bool is_close(const struct kswap *k)
{
    return k->standing == KERNEL_SWAP_READY && k->allowed != ALLOWED_ANY &&
           kswap_holds(k) + (uint64_t)k->growth > k->allowed;
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
        kswap_look_at_cgroup(k);
}

static gboolean on_tick(void *data)
{
    struct kernel_swap *all = data;

    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];

        kswap_find_cgroup(k);
        look(k);
        kswap_limit_cgroup(k);
        configure_sampling(k);
    }
    kswap_settle(all);
    kswap_share_out_zswap(all);
    watch_closely(all);
    kswap_pump(all);
    return G_SOURCE_CONTINUE;
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
    all->knobs = kswap_knobs(config, host_root);
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
    (void)knobs_restore(all->knobs);
    knobs_free(all->knobs);
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
    kswap_settle(all);
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
        kswap_settle(all);
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
    kswap_settle(all);
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
