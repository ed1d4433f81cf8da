/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a run, and how things stand. */
#include <math.h>

#include "sim/sim_impl.h"

/* Used within a minute, as working_set counts. */
#define WORKING_SET_SECONDS 60.0

static uint64_t bytes(double v)
{
    return v > 0 ? (uint64_t)v : 0;
}

void sim_guest_result(const struct sim *s, unsigned guest, struct sim_guest_result *ret)
{
    const struct vm *vm = sim_vm(s, guest);

    *ret = vm->sums;
    ret->inflated = bytes(vm->inflated);
    ret->deflated = bytes(vm->deflated);
    ret->put_out = bytes(vm->moved_out);
    ret->put_out_swapped = bytes(vm->put_out_swapped);
    ret->brought_in = bytes(vm->loaded);
    ret->guest_swapped_out = bytes(vm->swapped_out);
    ret->guest_swapped_in = bytes(vm->swapped_in);
    ret->most_resident = bytes(vm->most_resident);
}

void sim_host_result(const struct sim *s, struct sim_host_result *ret)
{
    *ret = s->sums;
    ret->kernel_swapped = bytes(s->kernel_swapped);
    ret->most_over = bytes(s->most_over);
    ret->saved_by_sharing = bytes(s->saved + s->saved_zero);
}

static double working_set(const struct vm *vm)
{
    double sum = 0;

    for (unsigned i = 0; i < POOLS; i++)
        sum += fmax(vm->pools[i].want, 0) * (1 - exp(-WORKING_SET_SECONDS * vm->pools[i].use));
    return sum;
}

void sim_guest_now(const struct sim *s, unsigned guest, struct sim_guest_now *ret)
{
    const struct vm *vm = sim_vm(s, guest);
    double out[PLACE_MAX] = {0};

    for (unsigned i = 0; i < POOLS; i++)
        for (enum place place = 0; place < PLACE_MAX; place++)
            out[place] += vm->pools[i].at[place];
    *ret = (struct sim_guest_now){
        .alive = vm_lives(vm),
        .size = vm->spec.size,
        .granted = vm->life == VM_RUNS ? bytes(vm->visible) : vm->spec.size,
        .target = vm->life == VM_RUNS ? bytes(vm->target) : vm->spec.size,
        .resident = bytes(vm_resident(vm)),
        .used = bytes(vm->used),
        .cache = bytes(vm->cache),
        .guest_free = bytes(vm_free(vm)),
        .working_set = vm->life == VM_RUNS ? bytes(working_set(vm)) : 0,
        .out_zero = bytes(out[PLACE_ZERO]),
        .out_compressed = bytes(out[PLACE_COMPRESSED]),
        .out_swapped = bytes(out[PLACE_SWAPPED]),
        .out_kernel = bytes(out[PLACE_KERNEL]),
        .cache_used = bytes(vm->cache_used),
        .swapped_by_guest = bytes(guest_swapped(vm)),
        .saved = bytes(vm->saved),
        .speed = vm->life == VM_RUNS ? vm->speed : (double)NAN,
    };
}

uint64_t sim_free_memory(const struct sim *s)
{
    return bytes(s->capacity - s->held);
}

double sim_scan_rate(const struct sim *s)
{
    return s->scan_rate;
}

bool sim_guest_view(const struct sim *s, unsigned guest, struct guest_view *ret)
{
    return s->manager && s->config.manager->view && s->config.manager->view(s->manager, guest, ret);
}

bool sim_host_view(const struct sim *s, struct host_view *ret)
{
    return s->manager && s->config.manager->host_view &&
           s->config.manager->host_view(s->manager, ret);
}
