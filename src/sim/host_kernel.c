/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's memory. What guests take is bounded by what is free; what was wanted in the tick
 * before, and a little more, is made free at its beginning, at the rate of the host's swap, and who
 * wants more than that waits (direct reclaim). Victims are chosen over all guests together: first
 * what nobody uses, free pages of guests among it, then by the LRU, in real time: a guest that gets
 * on slowly uses its pages less often, and loses them first. The two lists are no exact order: one
 * page in HOST_BLIND is taken from anywhere.
 *
 * When swap is full and nothing can be freed for what is wanted, the guest with the largest
 * resident size is killed, as mm/oom_kill.c would.
 */
#include <math.h>

#include "sim/lru.h"
#include "sim/sim_impl.h"

/* Kept free by kswapd, as a part of the capacity. */
#define KEPT_FREE_PART 256

#define HOST_BLIND 5

/* Guests that get on more slowly than that use nothing. */
#define PACE_MIN 1e-6

/* So much of what was wanted refused, with nothing left to put out, calls the killer. */
#define REFUSED_MIN ((double)MIB)

/* No wait for the disk is longer by more than that. */
#define DISK_WAITS_MAX 1000.0

/* Time constant of stalls, as of PSI's avg10. */
#define PRESSURE_SECONDS 10.0

double host_swap_free(const struct sim *s)
{
    return fmax((double)s->config.host.swap - s->swap_used, 0);
}

double host_room(struct sim *s, const struct vm *vm)
{
    return fmax(fmin(s->room, vm->room_left), 0);
}

void host_took(struct sim *s, struct vm *vm, double bytes)
{
    s->room -= bytes;
    s->held += bytes;
    if (!vm)
        return;
    vm->here += bytes;
    vm->room_left -= bytes;
}

void host_gives_back(struct sim *s, struct vm *vm, double bytes)
{
    s->room += bytes;
    s->held -= bytes;
    if (vm)
        vm->here -= bytes;
}

static void swap_out(struct sim *s, struct vm *vm, struct pool *p, double bytes)
{
    bytes = fmin(bytes, p->at[PLACE_HERE]);
    p->at[PLACE_HERE] -= bytes;
    p->at[PLACE_KERNEL] += bytes;
    vm_stir(vm);
    vm->out += bytes;
    s->swap_used += bytes;
    s->kernel_swapped += bytes;
    s->swapping += bytes;
    host_gives_back(s, vm, bytes);
}

/* A pool's use in real time. */
static double real_use(const struct vm *vm, unsigned pool)
{
    if (pool == POOL_BASE)
        return vm->paused ? 0 : vm->pools[pool].use;
    return vm->pace > PACE_MIN ? vm->pools[pool].use * vm->pace : 0;
}

/* All pools with pages here, those that nobody uses first; returns how many, and of these. */
static unsigned gather(struct sim *s, unsigned *unused, double *unused_bytes, double *total)
{
    unsigned n = 0, first = 0;

    *unused_bytes = *total = 0;
    for (unsigned v = 0; v < s->vms->len; v++) {
        struct vm *vm = sim_vm(s, v);

        for (unsigned i = 0; i < POOLS && vm->here > 0; i++) {
            double here = vm->pools[i].at[PLACE_HERE], use = real_use(vm, i);

            if (here <= 0)
                continue;
            s->entries[n] = (struct lru_entry){.bytes = here, .use = use, .age = s->age, .keep = 1};
            s->entry_pools[n] = &vm->pools[i];
            s->entry_vms[n++] = vm;
            *total += here;
            if (use > 0)
                continue;
            *unused_bytes += here;
            struct lru_entry e = s->entries[first];
            struct pool *p = s->entry_pools[first];
            struct vm *w = s->entry_vms[first];

            s->entries[first] = s->entries[n - 1];
            s->entry_pools[first] = s->entry_pools[n - 1];
            s->entry_vms[first++] = s->entry_vms[n - 1];
            s->entries[n - 1] = e;
            s->entry_pools[n - 1] = p;
            s->entry_vms[n - 1] = w;
        }
    }
    *unused = first;
    return n;
}

/* The kernel's choice of @bytes. */
static void reclaim(struct sim *s, double bytes)
{
    unsigned unused, n;
    double unused_bytes, total, blind, from_unused, need;

    n = gather(s, &unused, &unused_bytes, &total);
    if (total <= 0)
        return;
    bytes = fmin(bytes, total);
    blind = bytes / HOST_BLIND;
    need = bytes - blind;
    from_unused = fmin(need, unused_bytes);
    s->age = fmin(s->age, lru_choose(s->entries + unused, n - unused, need - from_unused));
    for (unsigned i = 0; i < n; i++) {
        double victim =
            i < unused ? from_unused * s->entries[i].bytes / unused_bytes : s->entries[i].victim;

        swap_out(s, s->entry_vms[i], s->entry_pools[i],
                 victim + blind * s->entries[i].bytes / total);
    }
}

static void kill_largest(struct sim *s)
{
    struct vm *largest = NULL;

    for (unsigned i = 0; i < s->vms->len; i++) {
        struct vm *vm = sim_vm(s, i);

        if (vm->life == VM_RUNS && (!largest || vm->here > largest->here))
            largest = vm;
    }
    if (!largest)
        return;
    largest->killed = largest->sums.killed_by_host = true;
    s->sums.kills++;
    vm_end(s, largest);
}

static double host_memory(const struct sim *s)
{
    return fmax(s->capacity, (double)s->config.host.memory);
}

static void hold(struct sim *s)
{
    s->held = 0;
    for (unsigned i = 0; i < s->vms->len; i++) {
        struct vm *vm = sim_vm(s, i);

        if (vm->life != VM_RUNS)
            continue;
        if (!vm->quiet) /* else they are as they were */
            vm_sum(vm);
        s->held += vm_held(vm);
    }
    s->room = host_memory(s) - s->held;
}

/* One disk for all that swaps: where more is asked for than it gives, all wait longer, until they
 * ask for that much. Half a step at a time, for what they ask for falls as they wait. */
static void queue_at_disk(struct sim *s)
{
    double asked = s->swapping / s->tick / (double)s->costs.swap_disk_rate;

    s->disk_waits = fmin(fmax(s->disk_waits * sqrt(fmax(asked, 0.25)), 1), DISK_WAITS_MAX);
    s->swapping = 0;
}

void host_begin(struct sim *s)
{
    double wanted, possible;

    s->age = fmin(s->age + s->tick, LRU_AGE_MAX);
    hold(s);
    s->demand_before = s->demand;
    wanted = s->demand_before * 1.25 + s->capacity / KEPT_FREE_PART - s->room;
    possible = fmin((double)s->costs.kernel_swap_out_rate * s->tick, host_swap_free(s));
    if (wanted > 0 && possible > 0)
        reclaim(s, fmin(wanted, possible));
    if (s->refused > REFUSED_MIN && host_swap_free(s) < REFUSED_MIN)
        kill_largest(s);
    s->demand = s->refused = 0;
    queue_at_disk(s);
}

void host_account(struct sim *s)
{
    double weight = 1 - exp(-s->tick / PRESSURE_SECONDS);
    double stalled = s->demand > 0 ? fmin(s->refused / s->demand, 1) : 0;
    double free = fmax(s->capacity - s->held, 0);

    s->stalled += (stalled - s->stalled) * weight;
    if (s->held > s->capacity) {
        s->sums.over_capacity += s->tick;
        s->most_over = fmax(s->most_over, s->held - s->capacity);
    }
    s->state = host_state_next(s->state, (uint64_t)free, host_minfree((uint64_t)s->capacity));
    s->sums.state_seconds[s->state] += s->tick;
}
