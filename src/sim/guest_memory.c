/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free memory of a guest: pages that were used before come before pages that were never touched,
 * as the free lists of Linux hand out what was freed last. The host does not see that they are
 * free. The balloon takes its pages from the same lists.
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
        else if (i != POOL_FREE)
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

/* Pages of @from that are out have to come back before they can be used, even for something new. */
static void reuse(struct sim *s, struct vm *vm, struct pool *to, double bytes)
{
    struct pool *from = &vm->pools[POOL_FREE];
    double part = bytes / pool_memory(from);

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

/* Of @bytes of free memory, what needs host memory that it does not have now. */
static double new_to_host(const struct vm *vm, double bytes)
{
    const struct pool *p = &vm->pools[POOL_FREE];
    double touched = pool_memory(p), reused = fmin(bytes, touched);

    return bytes - reused + (reused > 0 ? reused * pool_out(p) / touched : 0);
}

double guest_take(struct sim *s, struct vm *vm, unsigned pool, double bytes)
{
    struct pool *p = &vm->pools[pool];
    double touched = pool_memory(&vm->pools[POOL_FREE]), reused, fresh, room;

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
    reused = fmin(bytes, touched);
    if (reused > 0)
        reuse(s, vm, p, reused);
    fresh = bytes - reused;
    if (fresh > 0) {
        p->at[PLACE_HERE] += fresh;
        host_took(s, vm, fresh);
    }
    *(is_cache(pool) ? &vm->cache : &vm->used) += bytes;
    return bytes;
}

void guest_release(struct vm *vm, unsigned pool, double part)
{
    double bytes = pool_move_memory(&vm->pools[pool], &vm->pools[POOL_FREE], part);

    *(is_cache(pool) ? &vm->cache : &vm->used) -= bytes;
}

void guest_report_free(struct sim *s, struct vm *vm)
{
    struct pool *p = &vm->pools[POOL_FREE];
    double here = p->at[PLACE_HERE] * (1 - exp(-vm->tick / REPORTING_SECONDS));

    if (!vm->spec.free_page_reporting || here <= 0)
        return;
    p->at[PLACE_HERE] -= here;
    host_gives_back(s, vm, here);
}

double guest_give_up(struct sim *s, struct vm *vm, double bytes)
{
    struct pool *p = &vm->pools[POOL_FREE];
    double touched = pool_memory(p), reused = fmin(bytes, touched);
    double part = touched > 0 ? reused / touched : 0;

    bytes = fmin(bytes, vm_free(vm));
    if (part > 0) {
        double here = p->at[PLACE_HERE] * part;

        p->at[PLACE_HERE] -= here;
        host_gives_back(s, vm, here);
        for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
            pager_drops(s, vm, p, place, p->at[place] * part);
    }
    vm->visible -= bytes;
    return bytes;
}
