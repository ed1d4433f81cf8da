/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's own cgroup: found once its QEMU is in it, and kept in step with what the policy says.
 */
#include <errno.h>

#include "daemon/kernel_swap_impl.h"

/* A cgroup is looked for so often: QEMU is put into its own a moment after its start. */
#define CGROUP_LOOK_USEC (10 * USEC_PER_SEC)

void kswap_find_cgroup(struct kswap *k)
{
    int r;

    if (k->job || k->reclaim_missing)
        return;
    /* Nothing of ours is to be left in it. */
    if (k->standing == KERNEL_SWAP_NONE || k->standing == KERNEL_SWAP_REFUSED) {
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
    if (pageout_ended(&k->process)) /* then it may be another's, that has its id by now */
        g_clear_pointer(&k->cgroup, cgroup_free);
    k->no_cgroup = r == 0        ? NULL
                   : r == -EBUSY ? "it shares its cgroup with other processes"
                                 : "no cgroup v2 memory controller governs it";
}

/* What protects it, and keeps it to its promise. */
void kswap_limit_cgroup(struct kswap *k)
{
    struct cgroup_limits limits = {
        .min = u64_min(k->wish.reservation, k->size),
        .low = u64_min(k->entitled, k->size),
        .swap_max = k->promised,
    };

    if (k->cgroup && !k->job && k->standing == KERNEL_SWAP_READY)
        (void)cgroup_limit(k->cgroup, &limits); /* what can't be written protects nobody */
}

void kswap_look_at_cgroup(struct kswap *k)
{
    struct cgroup_figures f;

    k->pressure = USEC_NEVER;
    k->cache_known = false;
    if (!k->cgroup || cgroup_read(k->cgroup, &f) != 0)
        return;
    if (f.pressure_usec != CGROUP_UNKNOWN)
        k->pressure = f.pressure_usec;
    k->cache_known = f.zswap != CGROUP_UNKNOWN;
    if (k->cache_known)
        k->cache = f.zswap;
}
