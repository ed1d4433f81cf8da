/* SPDX-License-Identifier: Apache-2.0 */
/* What managers see and do. */
#include "sim/manager.h"

#include <math.h>

#include "sim/sim_impl.h"

static uint64_t bytes(double v)
{
    return v > 0 ? (uint64_t)v : 0;
}

static usec_t usec(double seconds)
{
    return (usec_t)(seconds * (double)USEC_PER_SEC);
}

void manager_host_look(const struct sim *s, struct manager_host *ret)
{
    *ret = (struct manager_host){.capacity = bytes(s->capacity),
                                 .resident = bytes(s->held),
                                 .free = bytes(s->capacity - s->held),
                                 .swap_free = bytes(host_swap_free(s)),
                                 .pressure = 100 * s->stalled};
}

static struct pager_observation look_at_pager(const struct sim *s, const struct vm *vm)
{
    return (struct pager_observation){
        .present = true,
        .kernel = vm_swapped_by_kernel(s, vm),
        .parked = pager_is_parked(vm),
        .out = bytes(vm->out),
        .cache = bytes(vm->cache_used),
        .room = bytes(pager_room(s, vm)),
        .allowed = isinf(vm->allowed) ? ALLOWED_ANY : bytes(vm->allowed),
        .loaded = bytes(vm->loaded),
        .windows = vm->windows,
        .permille = vm->permille,
        .current_permille = sample_current(s, vm),
        .moved_out = bytes(vm->moved_out),
        .waited = usec(vm->waited),
        .paged_by_guest = bytes(vm->paged_by_guest),
    };
}

void manager_guest_look(const struct sim *s, unsigned guest, bool partial,
                        struct guest_observation *ret)
{
    struct vm *vm = sim_vm(s, guest);
    struct guest_observation *seen = &vm->seen;

    seen->size = vm->spec.size;
    seen->resident = bytes(vm_resident(vm));
    seen->partial = partial;
    seen->shared = bytes(vm->merged);
    seen->saved = bytes(vm->saved);
    seen->blocked = usec(vm->blocked);
    seen->pressure = USEC_NEVER;
    seen->reachable = true;
    if (vm_has_pager(s, vm))
        seen->pager = look_at_pager(s, vm);
    if (!partial) {
        seen->actual = bytes(vm->visible);
        seen->balloon_device = vm->spec.balloon != SIM_BALLOON_NO_DEVICE;
        seen->running = !vm->paused && !vm->panicked;
        seen->stats = vm->said;
    }
    *ret = *seen;
}

void manager_balloon(struct sim *s, unsigned guest, uint64_t visible)
{
    struct vm *vm = sim_vm(s, guest);

    vm->target = fmin(floor((double)visible / PAGE_BYTES) * PAGE_BYTES, vm->size);
    vm->balloon_gave = false;
    vm_stir(vm);
}

void manager_allow(struct sim *s, unsigned guest, uint64_t allowed)
{
    struct vm *vm = sim_vm(s, guest);

    vm_stir(vm);
    if (vm_has_pager(s, vm))
        vm->allowed = allowed == ALLOWED_ANY ? (double)INFINITY : (double)allowed;
}

void manager_block(struct sim *s, unsigned guest, usec_t how_long)
{
    vm_stir(sim_vm(s, guest));
    sim_vm(s, guest)->blocked_until = s->now + how_long;
}

void manager_unblock(struct sim *s, unsigned guest)
{
    sim_vm(s, guest)->blocked_until = 0;
}

void manager_scan(struct sim *s, double pages_per_second)
{
    double most = (double)s->costs.ksm_scan_rate / PAGE_BYTES; /* of one processor */

    s->scan_rate = s->config.manager->sharing ? fmin(pages_per_second, most) : 0;
    if (s->scan_rate <= 0)
        s->rounds = floor(s->rounds);
}

void manager_sample(struct sim *s, unsigned guest, usec_t window)
{
    struct vm *vm = sim_vm(s, guest);

    if (!vm_has_pager(s, vm) || vm->sample_window == window)
        return;
    vm->sample_window = window;
    sample_begin(s, vm);
}
