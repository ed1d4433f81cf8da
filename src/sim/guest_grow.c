/* SPDX-License-Identifier: Apache-2.0 */
/* Programs take memory: their own, and that of files that they read once. */
#include <math.h>

#include "sim/sim_impl.h"

double guest_lacks(const struct vm *vm)
{
    double lacks = 0;

    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        lacks += pool_lacks(&vm->pools[i]);
    return lacks;
}

/* Bytes that can be filled in @dt: what the host has no memory for yet takes longer. */
static double filled_in(const struct sim *s, const struct vm *vm, double dt)
{
    double byte = 1 / (double)s->costs.fill_rate,
           fresh = byte + per_byte(s->costs.first_touch_usec) * (1 - guest_boot_part(vm));
    double touched = fmin(pool_memory(&vm->pools[POOL_FREE]), dt / byte);

    return touched + fmax(dt - touched * byte, 0) / fresh;
}

/* Programs take new memory; what the guest can't give them, they die for. */
void guest_grow(struct sim *s, struct vm *vm)
{
    double lacks = guest_lacks(vm), want, free, short_of, got;

    if (lacks <= 0 || s->now < vm->restart_at)
        return;
    want = fmin(lacks, filled_in(s, vm, fmax(vm->tick - vm->owed, 0)));
    if (vm->step->fill_rate)
        want = fmin(want, (double)vm->step->fill_rate * vm->tick);
    free = fmax(vm_free(vm) - vm->watermark, 0);
    if (want > free) {
        double possible = guest_reclaimable(vm);

        got = guest_reclaim(s, vm, want - free);
        short_of = want - free - got;
        if (got < want - free && possible < short_of)
            guest_out_of_memory(s, vm, short_of);
    }
    for (unsigned i = POOL_ANON; i <= POOL_COLD && vm_lives(vm); i++)
        guest_take(s, vm, i, want * pool_lacks(&vm->pools[i]) / lacks);
}

void guest_read_once(struct sim *s, struct vm *vm)
{
    double want, free;

    if (vm->to_read <= 0)
        return;
    want = fmin(vm->to_read, vm->tick / per_byte(s->costs.file_read_usec));
    free = fmax(vm_free(vm) - vm->watermark, 0);
    if (want > free)
        guest_reclaim(s, vm, want - free);
    guest_take(s, vm, POOL_COLD_CACHE, want);
    vm->to_read -= want;
}
