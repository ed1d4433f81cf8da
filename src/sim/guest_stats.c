/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest's balloon driver tells once a second while the guest runs: the fields of
 * core/stats.h as Linux fills them (si_mem_available of mm/show_mem.c), or a lie.
 */
#include <math.h>

#include "sim/sim_impl.h"

#define REPORT_USEC USEC_PER_SEC

/* A guest that does less than this part of its work is late, where it may be, by so much. */
#define THRASHES  0.25
#define LATE_USEC (8 * USEC_PER_SEC)

/* Of one that claims to starve. */
#define STARVED_SWAP_IN (10 * MIB)

static uint64_t bytes(double v)
{
    return v > 0 ? (uint64_t)v : 0;
}

static struct guest_stats truth(const struct sim *s, const struct vm *vm)
{
    struct guest_stats r = GUEST_STATS_NONE;
    double free = vm_free(vm), low = 1.25 * vm->watermark;

    r.last_update = s->now / USEC_PER_SEC + 1;
    r.total = bytes((vm->spec.deflate_on_oom ? vm->size : vm->visible) - vm->base);
    r.free = bytes(free);
    r.available = bytes(free - 1.5 * vm->watermark + vm->cache - fmin(vm->cache / 2, low));
    r.available = u64_min(r.available, r.total);
    r.caches = bytes(vm->cache);
    r.swap_in = bytes(vm->swapped_in);
    r.swap_out = bytes(vm->swapped_out);
    r.major_faults = bytes(vm->faults);
    r.minor_faults = r.major_faults + s->now / USEC_PER_MSEC;
    return r;
}

static void distort(const struct sim *s, const struct vm *vm, struct guest_stats *r)
{
    switch (vm->spec.stats) {
    case SIM_STATS_WINDOWS:
        r->total = bytes(vm->size - vm->base);
        r->free = r->available = 0;
        break;
    case SIM_STATS_IDLE:
        r->free = r->available = r->total - u64_min(r->total, MIB);
        break;
    case SIM_STATS_STARVED:
        r->free = r->available = 0;
        r->swap_in = s->now / USEC_PER_SEC * STARVED_SWAP_IN;
        r->major_faults = r->swap_in / KIB / 4;
        break;
    case SIM_STATS_ABSURD:
        r->available = UINT64_C(1) << 62;
        break;
    case SIM_STATS_TRUE:
    case SIM_STATS_NONE:
    case SIM_STATS_FROZEN:
    case SIM_STATS_LATE:
        break;
    }
}

static bool speaks(const struct sim *s, const struct vm *vm)
{
    usec_t due = REPORT_USEC;

    if (vm->spec.balloon >= SIM_BALLOON_NO_DRIVER || vm->spec.stats == SIM_STATS_NONE)
        return false;
    if (vm->said_at == USEC_NEVER)
        return true;
    if (vm->spec.stats == SIM_STATS_FROZEN)
        return false;
    if (vm->spec.stats == SIM_STATS_LATE && vm->speed < THRASHES)
        due = LATE_USEC;
    return s->now >= vm->said_at + due;
}

void guest_report(struct sim *s, struct vm *vm)
{
    if (!speaks(s, vm))
        return;
    vm->said = truth(s, vm);
    distort(s, vm, &vm->said);
    vm->said_at = s->now;
}
