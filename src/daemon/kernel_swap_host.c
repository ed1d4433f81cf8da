/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guests share: the swap space that they are promised, zswap, swap cache, and the kernel's
 * read-ahead from swap space. The latter brings in eight pages where a guest touches one. What it
 * does not touch of these stays as swap cache, in memory and of no use, and on a host that is kept
 * from being short by us nobody ever drops it: half of what was put out came back that way. So it
 * is switched off (vm.page-cluster = 0) while there are such guests.
 */
#include "base/log.h"
#include "daemon/kernel_swap_impl.h"
#include "host/meminfo.h"

#define PAGE_CLUSTER "/proc/sys/vm/page-cluster"

struct knobs *kswap_knobs(const struct config *config, const char *host_root)
{
    static const char *const paths[] = {PAGE_CLUSTER, NULL};
    g_autofree char *run = config_run_directory(config);
    g_autofree char *record = g_build_filename(run, "read-ahead.settings", NULL);
    struct knobs *knobs = knobs_new(host_root, record, paths);

    (void)knobs_restore(knobs); /* somebody may have been killed */
    return knobs;
}

static bool wanted(const struct kswap *k)
{
    return k->wish.wanted && k->all->config->mode == MODE_MANAGE;
}

/* Off while guests have swap space, unless the operator wants it. */
static void set_read_ahead(struct kernel_swap *all, bool ready)
{
    bool off = ready && !all->config->swap_read_ahead;

    if (off && !all->read_ahead_off && knobs_set(all->knobs, PAGE_CLUSTER, "0") < 0)
        log_warning(PAGE_CLUSTER " can't be set: what the kernel reads ahead from swap space stays "
                                 "in memory, and counts as the host's");
    if (!off && all->read_ahead_off)
        (void)knobs_restore(all->knobs);
    all->read_ahead_off = off;
}

/* What is out has its space, whatever is promised (any more): nobody else can have that. */
static uint64_t taken(const struct kswap *k, uint64_t promised)
{
    return u64_max(promised, k->swapped_now & ~(MIB - 1));
}

/* Who is to have host swap, and for whom there is space. */
void kswap_settle(struct kernel_swap *all)
{
    struct swap_pool_view pool;
    uint64_t need = 0;
    bool ready = false;

    swap_pool_view(all->pool, &pool);
    all->frees_at_once = swap_pool_frees_at_once(all->pool);
    for (guint i = 0; i < all->guests->len; i++) {
        struct kswap *k = all->guests->pdata[i];

        k->promised = 0;
        if (k->standing == KERNEL_SWAP_REFUSED || !wanted(k) || k->choice.n == 0) {
            if (k->standing != KERNEL_SWAP_REFUSED)
                kswap_set_standing(k, KERNEL_SWAP_NONE, NULL);
            need += taken(k, 0);
            continue;
        }
        k->promised = u64_sub(k->size, k->wish.reservation);
        need += taken(k, k->promised);
        /* What was promised stays so, whatever becomes of the space: what is out is out. */
        if (need <= pool.counted || k->standing == KERNEL_SWAP_READY)
            kswap_set_standing(k, KERNEL_SWAP_READY, NULL);
        else
            kswap_set_standing(k, KERNEL_SWAP_WAITING, pool.error ? pool.error : "for swap space");
        ready |= k->standing == KERNEL_SWAP_READY;
    }
    if (need != all->needed)
        swap_pool_need(all->pool, need);
    all->needed = need;
    set_read_ahead(all, ready);
}

static uint64_t part_of(uint64_t whole, uint64_t part, uint64_t all)
{
    return all ? (uint64_t)((double)whole * (double)part / (double)all) : 0;
}

/* What is in zswap is its guest's, by the kernel's word or else by its part of what is out. */
void kswap_share_out_zswap(struct kernel_swap *all)
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

/* What is out and still in memory is nobody's: it is dropped when the host needs it, not before. */
static void look_at_swap_cache(struct kernel_swap *all)
{
    struct meminfo mem;
    uint64_t out = 0;

    for (guint i = 0; i < all->guests->len; i++)
        out += ((const struct kswap *)all->guests->pdata[i])->swapped_now;
    all->swap_cache = 0;
    if (out > 0 && meminfo_read(all->host_root, &mem) == 0)
        all->swap_cache = u64_min(mem.unmapped, out);
}

uint64_t kernel_swap_memory(struct kernel_swap *all)
{
    look_at_swap_cache(all);
    return all->swap_cache + all->zswap_left;
}
