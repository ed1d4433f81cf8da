/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identical pages (KSM). All guests that may be merged are of one trust domain, and what is
 * identical of a guest's memory is in every other one too: of the identical pages that are merged,
 * those of the guest with most stand for all, the others are saved. Pages of zeros are all saved.
 *
 * A page is merged when the scanner has met it twice and it was not written in between, which takes
 * a round each; a write takes it out again. Both happen to a pool at random, so what is merged
 * tends to a balance, exponentially, and a tick may be longer than a round. Nothing is merged
 * before the first round is over. Only memory that programs hold or have freed is like another's:
 * page cache and the guest's kernel count as scanned in vain.
 */
#include <math.h>

#include "sim/sim_impl.h"

static bool shares(const struct sim *s, const struct vm *vm)
{
    return s->config.manager->sharing && vm->spec.share && vm->spec.ram == SIM_RAM_PRIVATE &&
           vm->life == VM_RUNS;
}

/* Parts of a guest's memory, by its content. */
static double zero_part(const struct vm *vm)
{
    return vm->step ? vm->step->content.zero : 0;
}

static double identical_part(const struct vm *vm)
{
    return vm->step ? fmin(vm->step->content.identical, 1 - zero_part(vm)) : 0;
}

static bool merges(unsigned pool)
{
    return is_anon(pool) || is_free(pool);
}

/* Seconds of a round through @eligible bytes; INFINITY: nobody scans. */
static double round_of(const struct sim *s, double eligible)
{
    return s->scan_rate > 0 && eligible > 0 ? eligible / (s->scan_rate * PAGE_BYTES)
                                            : (double)INFINITY;
}

/* One pool towards its balance. Returns what writes took out. */
static double settle(struct vm *vm, unsigned pool, double round, double dt)
{
    struct pool *p = &vm->pools[pool];
    double alike = p->at[PLACE_HERE] * (identical_part(vm) + zero_part(vm));
    double written = vm->step ? p->use * vm->step->writes * vm->pace : 0;
    double found = isinf(round) ? 0 : exp(-written * round) / round;
    double before = fmin(p->merged, alike), balance;

    if (found + written <= 0) {
        p->merged = before;
        return 0;
    }
    balance = alike * found / (found + written);
    p->merged = before + (balance - before) * (1 - exp(-(found + written) * dt));
    return p->merged * written * dt;
}

static double settle_guest(struct sim *s, struct vm *vm, double round)
{
    double merged = 0, broken = 0;

    for (unsigned i = 0; i < POOLS; i++) {
        if (!merges(i))
            continue;
        broken += settle(vm, i, round, s->tick);
        merged += vm->pools[i].merged;
    }
    s->broken += broken / PAGE_BYTES;
    return merged;
}

static void save(struct sim *s, struct vm *vm, double saved)
{
    host_gives_back(s, NULL, saved - vm->saved);
    vm->saved = saved;
}

/* What each saves, of what all do. */
static void deal_out(struct sim *s, double most)
{
    s->saved_zero = s->saved = 0;
    for (unsigned i = 0; i < s->vms->len; i++) {
        struct vm *vm = sim_vm(s, i);
        double alike = zero_part(vm) + identical_part(vm), zero, saved;

        if (vm->merged <= 0 || alike <= 0) {
            save(s, vm, 0);
            continue;
        }
        zero = vm->merged * zero_part(vm) / alike;
        saved = s->identical > 0 ? (vm->merged - zero) * (1 - most / s->identical) : 0;
        save(s, vm, zero + saved);
        s->saved_zero += zero;
        s->saved += saved;
    }
}

/* Rounds end, and processor time is used, as the scanner goes. */
static void scan(struct sim *s, double eligible)
{
    double pages = s->scan_rate * s->tick;

    s->scanned += pages;
    s->scan_cpu += pages * PAGE_BYTES / (double)s->costs.ksm_scan_rate;
    if (eligible > 0)
        s->rounds += pages * PAGE_BYTES / eligible;
}

void share_settle(struct sim *s)
{
    double eligible = 0, most = 0, round;
    bool any = false;

    for (unsigned i = 0; i < s->vms->len; i++) {
        const struct vm *vm = sim_vm(s, i);

        any |= vm->merged > 0;
        if (shares(s, vm))
            eligible += vm->here;
    }
    if (!any && s->scan_rate <= 0 && s->saved + s->saved_zero <= 0)
        return;
    scan(s, eligible);
    round = s->rounds < 1 ? (double)INFINITY : round_of(s, eligible);
    s->identical = 0;
    for (unsigned i = 0; i < s->vms->len; i++) {
        struct vm *vm = sim_vm(s, i);
        double alike = zero_part(vm) + identical_part(vm), identical;

        vm_stir(vm);
        vm->merged = shares(s, vm) ? settle_guest(s, vm, round) : 0;
        identical = alike > 0 ? vm->merged * identical_part(vm) / alike : 0;
        s->identical += identical;
        most = fmax(most, identical);
    }
    deal_out(s, most);
    s->shared = most;
}

double share_break_cost(const struct sim *s, const struct vm *vm)
{
    double breaks = 0;

    if (vm->merged <= 0)
        return 0;
    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        breaks += vm->pools[i].merged * vm->pools[i].use * vm->step->writes;
    return breaks / PAGE_BYTES * s->costs.ksm_break_usec / (double)USEC_PER_SEC;
}

void manager_share_look(const struct sim *s, struct share_observation *ret)
{
    double eligible = 0, merged = 0;

    for (unsigned i = 0; i < s->vms->len; i++) {
        const struct vm *vm = sim_vm(s, i);

        if (!shares(s, vm))
            continue;
        eligible += vm->here;
        merged += vm->merged;
    }
    *ret = (struct share_observation){
        .allowed = eligible > 0,
        .eligible = (uint64_t)(eligible / PAGE_BYTES),
        .shared = (uint64_t)(s->shared / PAGE_BYTES),
        .sharing = (uint64_t)(s->saved / PAGE_BYTES),
        .zero = (uint64_t)(s->saved_zero / PAGE_BYTES),
        .unshared = (uint64_t)fmax((eligible - merged) / PAGE_BYTES, 0),
        .broken = (uint64_t)s->broken,
        .full_scans = (uint64_t)s->rounds,
        .scanned = (uint64_t)s->scanned,
        .cpu = (usec_t)(s->scan_cpu * (double)USEC_PER_SEC),
    };
}
