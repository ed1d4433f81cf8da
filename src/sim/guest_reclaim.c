/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's kernel short of free memory, after Linux: files that were read once go first, then
 * anonymous memory that is never used again, then what was not used for longest. Of its two lists
 * that of files is scanned more often (swappiness 60), and neither is in exact order: one page in
 * RECLAIM_BLIND is taken from anywhere. Cache is dropped at no cost, anonymous memory leaves at
 * the rate of the guest's swap.
 *
 * Killed programs lose all that they had, do nothing until they are started again, and then not
 * before they have nearly all of it back.
 *
 * Left out: dirty pages (files are only read), the swap cache, the order of allocations, cgroups
 * within the guest, memory that is pinned.
 */
#include <math.h>

#include "sim/lru.h"
#include "sim/sim_impl.h"

#define RECLAIM_BLIND 10
/* Anonymous pages stay so much longer: (200 - swappiness) / swappiness. */
#define ANON_KEEP (140.0 / 60)

/* As a supervisor of services has it. */
#define RESTART_USEC (10 * USEC_PER_SEC)

/* With less than this in all programs there is none left to kill. */
#define NOTHING_TO_KILL (4.0 * (double)MIB)

static double drop(struct vm *vm, unsigned pool, double bytes)
{
    struct pool *p = &vm->pools[pool];
    double there = pool_memory(p);

    bytes = fmin(bytes, there);
    if (bytes <= 0)
        return 0;
    guest_release(vm, pool, bytes / there);
    if (pool != POOL_COLD_CACHE)
        p->at[PLACE_AWAY] += bytes;
    return bytes;
}

/* What the host had put out, the VMM has to read for the guest to be written elsewhere. */
static void fetch_for_swap(struct sim *s, struct vm *vm, struct pool *p, double part)
{
    for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++) {
        double out = fmin(p->at[place] * part, host_room(s, vm));

        if (out <= 0)
            continue;
        pager_load(s, vm, p, place, out);
        vm->paged_by_guest += out;
        vm->owed += out * load_cost(s, place);
    }
}

/* Bytes of @p that can be written out in the time that is left of this tick, if what is out has to
 * be read first. */
static double fetched_in(const struct sim *s, const struct vm *vm, const struct pool *p)
{
    double wait = 0, left = fmax(vm->tick - vm->owed, 0);

    for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
        wait += p->at[place] * load_cost(s, place);
    return wait > 0 ? left / wait * pool_memory(p) : (double)INFINITY;
}

static double swap_out(struct sim *s, struct vm *vm, unsigned pool, double bytes)
{
    struct pool *p = &vm->pools[pool];
    double there = pool_memory(p);

    bytes = fmin(fmin(bytes, there), fmin(vm->swap_out_left, guest_swap_free(vm)));
    bytes = fmin(bytes, fetched_in(s, vm, p));
    if (bytes <= 0)
        return 0;
    if (pool_out(p) > 0)
        fetch_for_swap(s, vm, p, bytes / there);
    guest_release(vm, pool, bytes / there);
    p->at[PLACE_AWAY] += bytes;
    vm->swapped_out += bytes;
    s->swapping += bytes;
    vm->swap_out_left -= bytes;
    return bytes;
}

static double reclaim_from(struct sim *s, struct vm *vm, unsigned pool, double bytes)
{
    return is_anon(pool) ? swap_out(s, vm, pool, bytes) : drop(vm, pool, bytes);
}

/* From all that is in use, by the LRU and a little blindly. */
static double reclaim_used(struct sim *s, struct vm *vm, double need)
{
    struct lru_entry entries[POOLS];
    unsigned pools[POOLS], n = 0;
    bool swaps = vm->swap_out_left > 0 && guest_swap_free(vm) > 0;
    double total = 0, blind = need / RECLAIM_BLIND, got = 0, age;

    for (unsigned i = POOL_ANON; i < POOL_COLD_CACHE; i++) {
        const struct pool *p = &vm->pools[i];
        double bytes = pool_memory(p);

        if (bytes <= 0 || p->use <= 0 || (is_anon(i) && !swaps))
            continue;
        pools[n] = i;
        entries[n++] = (struct lru_entry){.bytes = bytes,
                                          .use = p->use,
                                          .age = is_anon(i) ? vm->anon_age : vm->cache_age,
                                          .keep = is_anon(i) ? ANON_KEEP : 1};
        total += bytes;
    }
    if (n == 0)
        return 0;
    age = lru_choose(entries, n, need - blind);
    vm->cache_age = fmin(vm->cache_age, age);
    if (swaps)
        vm->anon_age = fmin(vm->anon_age, age * ANON_KEEP);
    for (unsigned i = 0; i < n; i++) {
        double share = blind * entries[i].bytes / total;

        got += reclaim_from(s, vm, pools[i], fmin(entries[i].victim + share, entries[i].bytes));
    }
    return got;
}

double guest_reclaim(struct sim *s, struct vm *vm, double need)
{
    double got = 0;

    if (need <= 0)
        return 0;
    got = drop(vm, POOL_COLD_CACHE, need);
    if (got < need)
        got += swap_out(s, vm, POOL_COLD, need - got);
    if (got < need)
        got += reclaim_used(s, vm, need - got);
    return got;
}

double guest_reclaimable(const struct vm *vm)
{
    double anon = 0;

    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        anon += pool_memory(&vm->pools[i]);
    return vm->cache + fmin(anon, guest_swap_free(vm));
}

static void kill_programs(const struct sim *s, struct vm *vm)
{
    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++) {
        guest_release(vm, i, 1);
        vm->pools[i].at[PLACE_AWAY] = 0;
    }
    vm->sums.oom_kills++;
    vm->restart_at = s->now + RESTART_USEC;
    vm->regrows = true;
}

void guest_out_of_memory(struct sim *s, struct vm *vm, double short_of)
{
    double balloon = vm->size - vm->visible, owned = 0;

    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        owned += pool_total(&vm->pools[i]);
    if (vm->spec.deflate_on_oom && balloon > 0) {
        double gives = fmin(balloon, short_of);

        vm->visible += gives;
        vm->deflated += gives;
        vm->balloon_gave = true;
        return;
    }
    if (owned > NOTHING_TO_KILL) {
        kill_programs(s, vm);
        return;
    }
    vm->panicked = vm->sums.panicked = true;
    vm->speed = 0;
    vm->pace = 0;
}
