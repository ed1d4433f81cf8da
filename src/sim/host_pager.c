/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What puts a guest's pages out below `allowed`: its pager, or the kernel told so for private
 * memory. Victims are random (pager/victims.c, host/pageout_choose.c). Zero pages are dropped,
 * those that compress to half go to the cache, the others to the swap file; the cache is limited,
 * and what is too much for it goes to the swap file. Pages come back when they are touched. The few
 * pages (16 MiB at most) that a pager knows to be cold and puts out first are left out.
 */
#include <math.h>

#include "sim/sim_impl.h"

/* cache.h: what gets no shorter is not worth compressing. */
#define RATIO_MAX 0.5

/* Faults of a guest that is above what it is allowed are put off (press.c): a page in so long. */
#define PRESSED_USEC 4000.0

/* A parked guest of which more than this part is in memory again is awake (pager_figures.c). */
#define AWAKE_DIVISOR 4

bool vm_has_pager(const struct sim *s, const struct vm *vm)
{
    return s->config.manager->pagers && vm->spec.pager;
}

bool vm_swapped_by_kernel(const struct sim *s, const struct vm *vm)
{
    return vm_has_pager(s, vm) && vm->spec.ram == SIM_RAM_PRIVATE;
}

double pager_room(const struct sim *s, const struct vm *vm)
{
    double room = vm->size - (double)vm->spec.settings.reservation - vm->out;

    if (vm_swapped_by_kernel(s, vm))
        room = fmin(room, host_swap_free(s));
    return fmax(room, 0);
}

static double compressed_bytes(const struct vm *vm)
{
    double sum = 0;

    for (unsigned i = 0; i < POOLS; i++)
        sum += vm->pools[i].at[PLACE_COMPRESSED];
    return sum;
}

void pager_drops(struct sim *s, struct vm *vm, struct pool *p, enum place place, double bytes)
{
    bytes = fmin(bytes, p->at[place]);
    if (bytes <= 0)
        return;
    if (place == PLACE_COMPRESSED) {
        double freed = fmin(vm->cache_used * bytes / compressed_bytes(vm), vm->cache_used);

        vm->cache_used -= freed;
        host_gives_back(s, NULL, freed);
    }
    if (place == PLACE_KERNEL)
        s->swap_used = fmax(s->swap_used - bytes, 0);
    p->at[place] -= bytes;
    vm->out -= bytes;
}

void pager_load(struct sim *s, struct vm *vm, struct pool *p, enum place place, double bytes)
{
    bytes = fmin(bytes, p->at[place]);
    if (bytes <= 0)
        return;
    pager_drops(s, vm, p, place, bytes);
    p->at[PLACE_HERE] += bytes;
    if (place == PLACE_SWAPPED || place == PLACE_KERNEL)
        s->swapping += bytes;
    host_took(s, vm, bytes);
    vm->loaded += bytes;
}

void pager_begin(struct sim *s, struct vm *vm)
{
    double above, rate = (double)s->costs.evict_swapped_rate;

    if (isinf(vm->allowed)) {
        vm->room_left = INFINITY;
        return;
    }
    above = vm->allowed - vm_held(vm);
    /* The kernel does not press, and neither does who can't put out anything. */
    if (vm_swapped_by_kernel(s, vm) || pager_room(s, vm) <= 0)
        vm->room_left = INFINITY;
    else
        vm->room_left = fmax(above, 0) + rate * s->tick +
                        PAGE_BYTES * s->tick * (double)USEC_PER_SEC / PRESSED_USEC;
}

/* How pages that go out are divided, by content. */
struct division {
    double zero, compressed, swapped; /* parts; their sum is 1 */
    double ratio;                     /* of the compressed ones */
    double seconds;                   /* that a byte takes */
    double frees;                     /* bytes of host memory, of a byte */
};

static struct division divide(const struct sim *s, const struct vm *vm)
{
    static const struct work_content random_content = {.ratio = 1};
    const struct work_content *c = vm->step ? &vm->step->content : &random_content;
    double limit = vm->size * (double)s->config.host.pager_cache_part_permille / 1000;
    struct division d = {.zero = c->zero, .ratio = c->ratio};

    if (c->ratio <= RATIO_MAX && vm->cache_used < limit)
        d.compressed = fmin(c->compressible, 1 - d.zero);
    d.swapped = fmax(1 - d.zero - d.compressed, 0);
    d.seconds = (d.zero + d.compressed) / (double)s->costs.evict_compressed_rate +
                d.swapped / (double)s->costs.evict_swapped_rate;
    d.frees = 1 - d.compressed * d.ratio;
    return d;
}

static void put_out(struct sim *s, struct vm *vm, double bytes, const struct division *d)
{
    double part = bytes / vm->here;

    for (unsigned i = 0; i < POOLS; i++) {
        struct pool *p = &vm->pools[i];
        double here = p->at[PLACE_HERE] * part;

        p->at[PLACE_HERE] -= here;
        p->at[PLACE_ZERO] += here * d->zero;
        p->at[PLACE_COMPRESSED] += here * d->compressed;
        p->at[PLACE_SWAPPED] += here * d->swapped;
    }
    vm->out += bytes;
    vm->moved_out += bytes;
    vm->cache_used += bytes * d->compressed * d->ratio;
    vm->put_out_swapped += bytes * d->swapped;
    s->swapping += bytes * d->swapped;
    host_gives_back(s, vm, bytes);
    host_took(s, NULL, bytes * d->compressed * d->ratio);
}

static void put_out_by_kernel(struct sim *s, struct vm *vm, double bytes)
{
    double part = bytes / vm->here;

    for (unsigned i = 0; i < POOLS; i++) {
        struct pool *p = &vm->pools[i];
        double here = p->at[PLACE_HERE] * part;

        p->at[PLACE_HERE] -= here;
        p->at[PLACE_KERNEL] += here;
    }
    vm->out += bytes;
    vm->moved_out += bytes;
    vm->put_out_swapped += bytes;
    s->swapping += bytes;
    s->swap_used += bytes;
    host_gives_back(s, vm, bytes);
}

/* Puts out what it can of @excess in this tick. Returns how much of it. */
static double evict(struct sim *s, struct vm *vm, double excess)
{
    double most = fmin(vm->here, pager_room(s, vm)), bytes;
    struct division d;

    if (most <= 0)
        return 0;
    if (vm_swapped_by_kernel(s, vm)) {
        bytes = fmin(excess, (double)s->costs.kernel_swap_out_rate * s->tick);
        bytes = fmin(bytes, most);
        put_out_by_kernel(s, vm, bytes);
        return bytes;
    }
    d = divide(s, vm);
    bytes = fmin(fmin(excess / d.frees, s->tick / d.seconds), most);
    put_out(s, vm, bytes, &d);
    return bytes;
}

/* Once: what comes back meanwhile stays. */
static void park(struct sim *s, struct vm *vm)
{
    double before = vm->moved_out;

    if (evict(s, vm, vm->parking) > 0)
        vm->parking = fmax(vm->parking - (vm->moved_out - before), 0);
    else
        vm->parking = 0;
}

/* Everything comes back, whether it is touched or not. */
static void unpark(struct sim *s, struct vm *vm)
{
    double cost = load_cost(s, PLACE_SWAPPED), part = s->tick / cost / fmax(vm->out, PAGE_BYTES);

    for (unsigned i = 0; i < POOLS; i++)
        for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
            pager_load(s, vm, &vm->pools[i], place,
                       fmin(vm->pools[i].at[place] * fmin(part, 1), host_room(s, vm)));
    vm->unparking = vm->out > PAGE_BYTES;
}

void pager_evict(struct sim *s, struct vm *vm)
{
    double excess = vm_held(vm) - vm->allowed;

    if (vm->unparking)
        unpark(s, vm);
    if (vm->parking > 0)
        park(s, vm);
    if (excess > 0)
        evict(s, vm, excess);
}

void sim_park_guest(struct sim *s, unsigned guest, bool parked)
{
    struct vm *vm = sim_vm(s, guest);

    if (!vm_has_pager(s, vm) || vm->life != VM_RUNS)
        return;
    vm_stir(vm);
    vm->parked = parked;
    vm->parking = parked ? vm->here : 0;
    vm->unparking = !parked;
}

bool pager_is_parked(const struct vm *vm)
{
    return vm->unparking || vm->parking > 0 ||
           (vm->parked && vm->here <= (vm->here + vm->out) / AWAKE_DIVISOR);
}
