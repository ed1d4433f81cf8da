/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came back is nowhere counted by the kernel. But what is out is (VmSwap), and what we have
 * put out we know: so
 *
 *     in = what was out at the last look + what was put out since - what is out now
 *
 * and where that is negative, the kernel has put pages out of its own accord. Looks are taken
 * between jobs only: in the midst of one, pages are on their way.
 *
 * What a guest has waited is not counted either, but its major faults are, and what one costs is
 * measured: each job brings one page back that it has just put out (kernel_swap_job.c).
 */
#include <errno.h>

#include "daemon/kernel_swap_impl.h"

/* Rates are taken over this. */
#define RATE_USEC   (900 * USEC_PER_MSEC)
#define GROWTH_USEC (100 * USEC_PER_MSEC)

/* A look that is not older serves as well. */
#define FRESH_USEC (50 * USEC_PER_MSEC)

uint64_t kswap_resident(const struct kswap *k)
{
    return u64_min(u64_sub(k->seen.anon, k->other_anon), k->size);
}

uint64_t kswap_swapped(const struct kswap *k)
{
    return u64_min(k->seen.swapped, u64_sub(k->size, kswap_resident(k)));
}

uint64_t kswap_holds(const struct kswap *k)
{
    return u64_sub(kswap_resident(k), k->wish.saved) + k->cache;
}

uint64_t kswap_excess(const struct kswap *k)
{
    return u64_sub(kswap_holds(k), k->allowed);
}

static double rate(uint64_t before, uint64_t now, usec_t elapsed)
{
    return (double)u64_sub(now, before) * (double)USEC_PER_SEC / (double)elapsed;
}

static void take_rates(struct kswap *k, usec_t now)
{
    usec_t elapsed = now - k->before.at;

    if (k->before.at && elapsed < RATE_USEC)
        return;
    if (k->before.at) {
        k->out_rate = rate(k->before.out, k->total.out, elapsed);
        k->in_rate = rate(k->before.in, k->total.in, elapsed);
    }
    k->before = k->total;
    k->before.at = now;
}

void kswap_account(struct kswap *k, const struct pageout_figures *seen, uint64_t put_out)
{
    uint64_t expected = k->seen.swapped + put_out;
    uint64_t faults = u64_sub(seen->major_faults, k->seen.major_faults);

    if (k->looked) {
        k->total.out += put_out + u64_sub(seen->swapped, expected);
        k->total.in += u64_sub(expected, seen->swapped);
        k->waited += (usec_t)((double)faults * (k->fault_cost > 0 ? k->fault_cost : FAULT_COST));
    }
    k->seen = *seen;
    k->looked = true;
    take_rates(k, kswap_now());
}

/* Of what it occupies; looks in quick succession say nothing of it. */
static void take_growth(struct kswap *k, usec_t now)
{
    usec_t elapsed = now - k->grown_at;

    if (elapsed < GROWTH_USEC)
        return;
    k->growth = k->grown_at ? rate(k->grown_from, k->seen.anon, elapsed) : 0;
    k->grown_at = now;
    k->grown_from = k->seen.anon;
}

bool kswap_look(struct kswap *k)
{
    struct pageout_figures seen;
    int r = pageout_figures(&k->process, &seen);

    if (r == 0 && !k->job)
        kswap_account(k, &seen, 0);
    else if (r == 0)
        k->seen.anon = seen.anon;
    k->looked_at = kswap_now();
    k->swapped_now = r == 0 ? seen.swapped : 0;
    if (r == 0)
        take_growth(k, k->looked_at);
    return r != -ESRCH;
}

struct pager_observation kernel_swap_observe(struct guest *guest)
{
    struct pager_observation o = {.allowed = ALLOWED_ANY};
    struct kswap *k = guest->kswap;

    if (!k || k->standing != KERNEL_SWAP_READY)
        return o;
    if (kswap_now() - k->looked_at > FRESH_USEC) {
        (void)kswap_look(k);
        kswap_pump(k->all);
    }
    o.present = o.kernel = true;
    o.out = kswap_swapped(k);
    o.cache = k->cache;
    if (!k->error)
        o.room = u64_min(swap_pool_room(k->all->pool), u64_sub(kswap_resident(k), k->wish.merged));
    o.allowed = k->allowed;
    o.loaded = k->total.in;
    o.moved_out = k->total.out;
    o.waited = k->waited;
    o.windows = k->activity.windows;
    o.permille = k->activity.permille;
    o.current_permille = k->activity.current_permille;
    return o;
}

bool kernel_swap_view(const struct guest *guest, struct kernel_swap_view *ret)
{
    const struct kswap *k = guest->kswap;

    if (!k || k->standing == KERNEL_SWAP_NONE)
        return false;
    *ret = (struct kernel_swap_view){
        .standing = k->standing,
        .error = k->error,
        .method = k->cgroup ? KERNEL_SWAP_RECLAIM : KERNEL_SWAP_PAGEOUT,
        .method_reason = k->no_cgroup,
        .source = sampling_source(k->sampling),
        .cgroup = k->cgroup ? cgroup_path(k->cgroup) : NULL,
        .swapped = kswap_swapped(k),
        .zswapped = k->zswapped,
        .allowed = k->allowed,
        .promised = k->promised,
        .out_rate = k->out_rate,
        .in_rate = k->in_rate,
        .out = k->total.out,
        .in = k->total.in,
        .reclaim_speed = k->speed,
        .sample_windows = k->activity.windows,
        .active_permille = k->activity.windows ? k->activity.permille : UINT64_MAX,
        .sampling_cpu = k->activity.cpu,
    };
    return true;
}
