/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of drivers/virtio/virtio_balloon.c: a page at a time from the guest's free memory, and
 * where there is none, what its kernel reclaims for it; it never gives up a target that it can't
 * reach, and so keeps squeezing. It causes no OOM kill itself. After deflating on OOM it waits for
 * another target.
 */
#include <math.h>

#include "sim/sim_impl.h"

#define SLOW_PART 20

/* Pages that have to be reclaimed first come at this part of the rate. */
#define RECLAIM_SLOWS 0.5

static double rate_of(const struct vm *vm, uint64_t rate)
{
    switch (vm->spec.balloon) {
    case SIM_BALLOON_WORKS:
    case SIM_BALLOON_STUCK:
        return (double)rate;
    case SIM_BALLOON_SLOW:
        return (double)rate / SLOW_PART;
    case SIM_BALLOON_IGNORES:
    case SIM_BALLOON_NO_DRIVER:
    case SIM_BALLOON_NO_DEVICE:
        break;
    }
    return 0;
}

static void inflate(struct sim *s, struct vm *vm, double most)
{
    double want = fmin(vm->visible - fmax(vm->target, vm->stuck_at), most);
    double free = fmax(vm_free(vm) - vm->watermark, 0), got;

    if (want <= 0)
        return;
    if (want > free)
        free += guest_reclaim(s, vm, (want - free) * RECLAIM_SLOWS);
    got = guest_give_up(s, vm, fmin(want, free));
    vm->inflated += got;
}

void guest_balloon(struct sim *s, struct vm *vm)
{
    double up = vm->target - vm->visible;

    if (up > 0 && vm->spec.balloon != SIM_BALLOON_NO_DEVICE) {
        up = fmin(up, rate_of(vm, s->costs.deflate_rate) * vm->tick);
        vm->visible += up;
        vm->deflated += up;
    } else if (up < 0 && !vm->balloon_gave) {
        inflate(s, vm, rate_of(vm, s->costs.inflate_rate) * vm->tick);
    }
}
