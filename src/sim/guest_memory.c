/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free memory of a guest. What programs had comes first, as the free lists of Linux hand out what
 * was freed last; the host does not see that it is free. The rest lies in large blocks, and pages
 * that were used while the guest booted are spread over it: they come in proportion to those that
 * were never touched. The balloon takes its pages from the same lists.
 */
#include <math.h>

#include "sim/sim_impl.h"

/* Of free memory that is reported to the host, as much time passes (mm/page_reporting.c goes over
 * a sixteenth of its lists at a time). */
#define REPORTING_SECONDS 30.0

void vm_sum(struct vm *vm)
{
    vm->here = vm->out = vm->used = vm->cache = 0;
    for (unsigned i = 0; i < POOLS; i++) {
        const struct pool *p = &vm->pools[i];
        double out = pool_out(p);

        vm->here += p->at[PLACE_HERE];
        vm->out += out;
        if (is_cache(i))
            vm->cache += p->at[PLACE_HERE] + out;
        else if (!is_free(i))
            vm->used += p->at[PLACE_HERE] + out;
    }
}

double guest_swapped(const struct vm *vm)
{
    double sum = 0;

    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        sum += vm->pools[i].at[PLACE_AWAY];
    return sum;
}

double guest_swap_free(const struct vm *vm)
{
    return fmax((double)vm->spec.swap - guest_swapped(vm), 0);
}

double guest_boot_part(const struct vm *vm)
{
    double boot = pool_memory(&vm->pools[POOL_BOOT]);
    double rest = vm_free(vm) - pool_memory(&vm->pools[POOL_FREE]);

    return rest > boot ? boot / rest : 1;
}

/* Where the next free bytes are. */
struct supply {
    double freed, boot, never_touched;
};

static struct supply supply_of(const struct vm *vm, double bytes)
{
    struct supply from = {.freed = fmin(bytes, pool_memory(&vm->pools[POOL_FREE]))};
    double rest = bytes - from.freed;

    from.boot = fmin(rest * guest_boot_part(vm), pool_memory(&vm->pools[POOL_BOOT]));
    from.never_touched = rest - from.boot;
    return from;
}

/* Pages of @from that are out have to come back before they can be used, even for something new. */
static void reuse(struct sim *s, struct vm *vm, struct pool *from, struct pool *to, double bytes)
{
    double part;

    if (bytes <= 0)
        return;
    part = bytes / pool_memory(from);
    for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++) {
        double out = from->at[place] * part;

        if (out > 0) {
            pager_load(s, vm, from, place, out);
            vm->owed += out * load_cost(s, place);
        }
    }
    bytes = fmin(bytes, from->at[PLACE_HERE]);
    from->at[PLACE_HERE] -= bytes;
    to->at[PLACE_HERE] += bytes;
}

/* Of @bytes of a pool's memory, what is out. */
static double out_of(const struct pool *p, double bytes)
{
    return bytes > 0 ? bytes * pool_out(p) / pool_memory(p) : 0;
}

/* Of @bytes of free memory, what needs host memory that it does not have now. */
static double new_to_host(const struct vm *vm, double bytes)
{
    struct supply from = supply_of(vm, bytes);

    return from.never_touched + out_of(&vm->pools[POOL_FREE], from.freed) +
           out_of(&vm->pools[POOL_BOOT], from.boot);
}

double guest_take(struct sim *s, struct vm *vm, unsigned pool, double bytes)
{
    struct pool *p = &vm->pools[pool];
    struct supply from;
    double fresh, room;

    bytes = fmin(bytes, vm_free(vm) - vm->watermark);
    if (bytes <= 0)
        return 0;
    fresh = new_to_host(vm, bytes);
    s->demand += fresh;
    room = host_room(s, vm);
    if (fresh > room) {
        s->refused += fresh - room;
        bytes *= room / fresh;
    }
    from = supply_of(vm, bytes);
    reuse(s, vm, &vm->pools[POOL_FREE], p, from.freed);
    reuse(s, vm, &vm->pools[POOL_BOOT], p, from.boot);
    if (from.never_touched > 0) {
        p->at[PLACE_HERE] += from.never_touched;
        host_took(s, vm, from.never_touched);
    }
    *(is_cache(pool) ? &vm->cache : &vm->used) += bytes;
    return bytes;
}

void guest_release(struct vm *vm, unsigned pool, double part)
{
    double bytes = pool_move_memory(&vm->pools[pool], &vm->pools[POOL_FREE], part);

    *(is_cache(pool) ? &vm->cache : &vm->used) -= bytes;
}

static void report_free(struct sim *s, struct vm *vm, struct pool *p)
{
    double here = p->at[PLACE_HERE] * (1 - exp(-vm->tick / REPORTING_SECONDS));

    p->at[PLACE_HERE] -= here;
    host_gives_back(s, vm, here);
}

void guest_report_free(struct sim *s, struct vm *vm)
{
    if (!vm->spec.free_page_reporting)
        return;
    report_free(s, vm, &vm->pools[POOL_FREE]);
    report_free(s, vm, &vm->pools[POOL_BOOT]);
}

/* @bytes of a pool of free pages are the guest's no more. */
static void part_with(struct sim *s, struct vm *vm, struct pool *p, double bytes)
{
    double part, here;

    if (bytes <= 0)
        return;
    part = bytes / pool_memory(p);
    here = p->at[PLACE_HERE] * part;
    p->at[PLACE_HERE] -= here;
    host_gives_back(s, vm, here);
    for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
        pager_drops(s, vm, p, place, p->at[place] * part);
}

double guest_give_up(struct sim *s, struct vm *vm, double bytes)
{
    struct supply from;

    bytes = fmin(bytes, vm_free(vm));
    from = supply_of(vm, bytes);
    part_with(s, vm, &vm->pools[POOL_FREE], from.freed);
    part_with(s, vm, &vm->pools[POOL_BOOT], from.boot);
    vm->visible -= bytes;
    return bytes;
}
