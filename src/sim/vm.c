/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's life: it boots, lives tick by tick, stands still, dies, ends. While nothing happens to
 * it (it has all of its memory, wants no more, and nobody wants any of it) it is quiet: its ticks
 * only count. Whoever acts upon a guest ends that (vm_stir).
 */
#include <math.h>
#include <string.h>

#include "sim/lru.h"
#include "sim/sim_impl.h"

/* Less than this is no breach of a reservation. */
#define RESERVATION_SLACK ((double)MIB)

/* How often the pages of a guest's kernel are used. */
#define BASE_USE (1 / 30.0)

/* Least free memory: min_free_kbytes of mm/page_alloc.c, 4 sqrt(KiB). With 512M and more Linux uses
 * huge pages and keeps blocks for them (set_recommended_min_free_kbytes of mm/khugepaged.c): 11 of
 * 2M for each of two zones, at most a twentieth. */
#define HUGE_PAGES_FROM (520 * MIB)
#define KEPT_FOR_HUGE   (44 * MIB)

static double watermark_of(double size)
{
    double kept = 4 * sqrt(size / (double)KIB) * (double)KIB;

    if (size < (double)HUGE_PAGES_FROM)
        return kept;
    return fmax(kept, fmin((double)KEPT_FOR_HUGE, size / 20));
}

/* It boots: what its kernel keeps, and what it has used for a moment, is taken at once. */
void vm_boot(struct sim *s, struct vm *vm)
{
    double touched;

    vm->life = VM_RUNS;
    vm->sums.started = true;
    vm->visible = vm->target = vm->size;
    vm->stuck_at = vm->spec.balloon == SIM_BALLOON_STUCK ? 0.75 * vm->size : 0;
    vm->base = s->costs.guest_base * vm->size + (double)s->costs.guest_base_bytes;
    vm->watermark = watermark_of(vm->size);
    vm->anon_age = vm->cache_age = LRU_AGE_MAX;
    vm->allowed = vm->room_left = INFINITY;
    vm->said_at = USEC_NEVER;
    vm->said = GUEST_STATS_NONE;
    vm->speed = NAN;
    vm->pools[POOL_BASE] = (struct pool){.want = vm->base, .use = BASE_USE};
    vm->pools[POOL_BASE].at[PLACE_HERE] = vm->base;
    touched = s->costs.boot_resident * vm->size + (double)s->costs.boot_resident_bytes;
    touched = fmin(fmax(touched, vm->base), vm->size);
    vm->pools[POOL_BOOT].at[PLACE_HERE] = touched - vm->base;
    host_took(s, vm, touched);
    vm_sum(vm);
}

void vm_end(struct sim *s, struct vm *vm)
{
    if (vm->life == VM_RUNS) {
        for (unsigned i = 0; i < POOLS; i++)
            for (enum place place = PLACE_ZERO; place < PLACE_AWAY; place++)
                pager_drops(s, vm, &vm->pools[i], place, vm->pools[i].at[place]);
        if (s->manager && vm->known && s->config.manager->ended)
            s->config.manager->ended(s->manager, vm->number);
        vm->known = false;
        vm->sums.ended = true;
        host_gives_back(s, NULL, vm_resident(vm));
    }
    memset(vm->pools, 0, sizeof(vm->pools));
    vm->cache_used = vm->merged = vm->saved = 0;
    vm_sum(vm);
    vm->life = VM_ENDED;
}

static bool stands_still(const struct sim *s, const struct vm *vm)
{
    bool window = s->now > vm->spec.pause_from && s->now <= vm->spec.pause_to;

    return vm->paused || window;
}

/* What a running guest does in a tick. */
static void live(struct sim *s, struct vm *vm)
{
    vm->swap_out_left = (double)s->costs.guest_swap_out_rate * vm->tick;
    pager_begin(s, vm);
    guest_steps(s, vm);
    guest_balloon(s, vm);
    guest_grow(s, vm);
    guest_read_once(s, vm);
    guest_work(s, vm);
    guest_report_free(s, vm);
    guest_report(s, vm);
}

/* Part of the tick that it is blocked. */
static double blocked_in_tick(const struct sim *s, const struct vm *vm)
{
    usec_t begin = s->now - s->config.host.tick;

    return fmin((double)u64_sub(vm->blocked_until, begin) / (double)USEC_PER_SEC, s->tick);
}

static void run(struct sim *s, struct vm *vm)
{
    double blocked = blocked_in_tick(s, vm);

    vm->blocked += blocked;
    vm->tick = s->tick - blocked;
    if (vm->tick > 0)
        live(s, vm);
    if (blocked > 0) {
        vm->sums.lost_blocked += guest_loses(vm, blocked);
        vm->speed *= vm->tick / s->tick;
    }
}

/* Its programs would still work, had it not died. */
void vm_mourn(const struct sim *s, struct vm *vm)
{
    const struct work *w = &vm->spec.work;

    vm->pace = 0;
    vm->speed = 0;
    if (vm->spec.end != USEC_NEVER && vm->spec.end > 0 && s->now >= vm->spec.end)
        return;
    while (vm->next_step < w->n && w->steps[vm->next_step].at <= s->now)
        vm->step = &w->steps[vm->next_step++];
    guest_loses(vm, s->tick);
}

/* Is it kept from memory that is reserved for it, and that it has a use for? */
static void check_reservation(const struct sim *s, struct vm *vm)
{
    double reserved = (double)vm->spec.settings.reservation, wants = vm->base, may_have;

    if (reserved <= 0)
        return;
    may_have =
        vm->visible - vm->out + pool_out(&vm->pools[POOL_FREE]) + pool_out(&vm->pools[POOL_BOOT]);
    for (unsigned i = POOL_ANON; i < POOL_COLD_CACHE; i++)
        wants += vm->pools[i].want;
    if (may_have < reserved - RESERVATION_SLACK && wants >= reserved)
        vm->sums.below_reservation += s->tick;
}

/* It stays as it is until something is done to it or its programs do something else: its memory is
 * all there, and none is given or taken. */
static bool is_quiet(const struct sim *s, const struct vm *vm)
{
    bool moves = fabs(vm->target - vm->visible) > 0 && !vm->balloon_gave;
    bool grows = guest_lacks(vm) >= 1 || vm->to_read > 0 || vm->regrows;
    bool is_paged = vm->parking > 0 || vm->unparking || vm_held(vm) > vm->allowed;
    bool reports =
        vm->spec.free_page_reporting &&
        vm->pools[POOL_FREE].at[PLACE_HERE] + vm->pools[POOL_BOOT].at[PLACE_HERE] >= PAGE_BYTES;

    return !vm->panicked && !vm->paused && vm->spec.pause_from == vm->spec.pause_to &&
           vm->tick >= s->tick && vm->spec.settings.reservation == 0 && vm->misses == 0 &&
           vm->owed <= 0 && vm->merged <= 0 && !moves && !grows && !is_paged && !reports;
}

static bool has_next_step(const struct sim *s, const struct vm *vm)
{
    return vm->next_step < vm->spec.work.n && vm->spec.work.steps[vm->next_step].at <= s->now;
}

void vm_tick(struct sim *s, struct vm *vm)
{
    if (vm->quiet && !has_next_step(s, vm)) {
        guest_works_on(s, vm);
        guest_report(s, vm);
        sample(s, vm);
        return;
    }
    if (vm->panicked) {
        vm_mourn(s, vm);
    } else if (!stands_still(s, vm)) {
        run(s, vm);
    } else {
        vm->pace -= vm->pace * s->pace_weight;
        vm->speed = NAN;
    }
    pager_evict(s, vm);
    sample(s, vm);
    check_reservation(s, vm);
    vm->most_resident = fmax(vm->most_resident, vm_resident(vm));
    vm->quiet = is_quiet(s, vm);
}
