/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator. Time goes in ticks. In each, the host's kernel makes room (host_kernel.c), guests
 * live one after the other (their programs, their kernel, their balloon), pagers put out what is
 * too much, and the manager is woken where it asked for that; what it does takes effect in the next
 * tick.
 *
 * The model. A guest's memory is a fluid of few pools (pool.h), each of pages that are used again
 * after about the same time. Of a pool it is known how many bytes are in host memory, put out by
 * the host, or put out by the guest itself, but not which pages: what is missing is missed in
 * proportion. Each miss costs what was measured (costs.h), and programs get on as far as their time
 * lasts (guest_work.c). Two kernels choose what goes: the guest's (guest_reclaim.c) and the host's
 * (host_kernel.c), both by an LRU (lru.h) that errs; pagers choose at random (host_pager.c).
 *
 * What is kept: a guest's pools and what is free add up to what it sees; no page that programs own
 * is lost; guests that run never take more than the capacity leaves. They may hold more for a
 * while: after it was lowered, and when one boots, for that takes what it needs at once.
 *
 * What is left out: processors (guests do not compete for them, and neither do pagers, the kernel
 * or the manager; lost_cpu is 0), disks but for swapping (which share one: swap_disk_rate), huge
 * pages, NUMA, the memory of QEMU itself and of pagers, page tables, writeback, locked pages, what
 * compresses how well within a guest, correlation between content and use, bursts within a tick,
 * which pages a new work step uses (guest_steps.c keeps their order). Random are only the samples
 * of pagers, and fleets. In long ticks managers react as late as the tick is long.
 */
#include <math.h>
#include <string.h>

#include "sim/lru.h"
#include "sim/sim_impl.h"

#define TICK_DEFAULT (100 * USEC_PER_MSEC)
#define ASK_AGAIN    USEC_PER_SEC

/* Over which a guest's pace is averaged. */
#define PACE_SECONDS 5.0

struct sim *sim_new(const struct sim_config *config)
{
    struct sim *s = g_new0(struct sim, 1);

    s->config = *config;
    s->costs = config->costs;
    if (s->config.host.tick == 0)
        s->config.host.tick = TICK_DEFAULT;
    s->tick = (double)s->config.host.tick / (double)USEC_PER_SEC;
    s->pace_weight = 1 - exp(-s->tick / PACE_SECONDS);
    s->capacity = (double)config->host.capacity;
    s->age = LRU_AGE_MAX;
    s->disk_waits = 1;
    s->random = g_rand_new_with_seed(config->seed);
    s->vms = g_ptr_array_new();
    return s;
}

static void vm_free_all(struct vm *vm)
{
    work_clear(&vm->spec.work);
    g_free((char *)(uintptr_t)vm->spec.name);
    g_free(vm);
}

static void manager_dies(struct sim *s)
{
    if (s->manager)
        s->config.manager->destroy(s->manager);
    s->manager = NULL;
    for (unsigned i = 0; i < s->vms->len; i++)
        sim_vm(s, i)->known = false;
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    manager_dies(s);
    for (unsigned i = 0; i < s->vms->len; i++)
        vm_free_all(sim_vm(s, i));
    g_ptr_array_unref(s->vms);
    g_rand_free(s->random);
    g_free(s->entries);
    g_free(s->entry_pools);
    g_free(s->entry_vms);
    g_free(s);
}

unsigned sim_add(struct sim *s, const struct sim_guest_spec *spec)
{
    struct vm *vm = g_new0(struct vm, 1);
    unsigned n = s->vms->len + 1;

    vm->spec = *spec;
    vm->spec.name = g_strdup(spec->name);
    vm->spec.work = (struct work){0};
    for (size_t i = 0; i < spec->work.n; i++)
        work_append(&vm->spec.work, &spec->work.steps[i]);
    vm->number = s->vms->len;
    vm->size = (double)spec->size;
    vm->sums.name = vm->spec.name;
    g_ptr_array_add(s->vms, vm);
    s->entries = g_renew(struct lru_entry, s->entries, n * POOLS);
    s->entry_pools = g_renew(struct pool *, s->entry_pools, n * POOLS);
    s->entry_vms = g_renew(struct vm *, s->entry_vms, n * POOLS);
    return vm->number;
}

static struct manager_guest facts_of(const struct sim *s, const struct vm *vm)
{
    uint64_t min = u64_max(vm->spec.settings.reservation, vm->spec.size / 4);

    return (struct manager_guest){.name = vm->spec.name,
                                  .size = vm->spec.size,
                                  .min = vm->spec.min ? vm->spec.min : min,
                                  .settings = vm->spec.settings,
                                  .pager = vm_has_pager(s, vm),
                                  .share = s->config.manager->sharing && vm->spec.share,
                                  .balloon_device = vm->spec.balloon != SIM_BALLOON_NO_DEVICE};
}

static void tell_started(struct sim *s, struct vm *vm)
{
    struct manager_guest facts = facts_of(s, vm);

    vm->known = true;
    if (s->config.manager->started)
        s->config.manager->started(s->manager, vm->number, &facts);
}

static void wants_to_start(struct sim *s, struct vm *vm)
{
    struct manager_guest facts;

    if (s->now < vm->spec.start || (vm->asked_at && s->now < vm->asked_at + ASK_AGAIN))
        return;
    vm->asked_at = s->now;
    facts = facts_of(s, vm);
    if (s->manager && s->config.manager->admit && !s->config.manager->admit(s->manager, &facts))
        return;
    vm_boot(s, vm);
    if (s->manager)
        tell_started(s, vm);
}

static bool due(usec_t from, usec_t to, usec_t now)
{
    return from != to && now >= from && now < to;
}

static void see_to_manager(struct sim *s)
{
    const struct sim_host_spec *host = &s->config.host;
    bool off = s->manager_was_off || due(host->manager_off_from, host->manager_off_to, s->now);

    if (off && s->manager)
        manager_dies(s);
    if (off || s->manager)
        return;
    s->manager =
        s->config.manager->create(s, s->config.manager_config, (uint64_t)fmax(s->capacity, 0));
    s->wake_at = s->now;
    for (unsigned i = 0; i < s->vms->len; i++)
        if (sim_vm(s, i)->life == VM_RUNS)
            tell_started(s, sim_vm(s, i));
}

static void wake(struct sim *s)
{
    struct timespec before, after;

    if (!s->manager || s->now < s->wake_at)
        return;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    s->wake_at = s->config.manager->wake(s->manager, s->now);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    s->sums.manager_cpu +=
        (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

void sim_step(struct sim *s)
{
    see_to_manager(s);
    s->now += s->config.host.tick;
    host_begin(s);
    for (unsigned i = 0; i < s->vms->len; i++) {
        struct vm *vm = sim_vm(s, i);

        if (vm->life == VM_COMING)
            wants_to_start(s, vm);
        if (vm->life == VM_RUNS && vm->spec.end != USEC_NEVER && vm->spec.end > 0 &&
            s->now >= vm->spec.end)
            vm_end(s, vm);
        if (vm->life == VM_RUNS)
            vm_tick(s, vm);
        else if (vm->killed)
            vm_mourn(s, vm);
        if (vm->life == VM_COMING && s->now >= vm->spec.start)
            vm->sums.waited_to_start += s->tick;
    }
    share_settle(s);
    host_account(s);
    wake(s);
}

void sim_run(struct sim *s, usec_t until)
{
    while (s->now < until)
        sim_step(s);
}

usec_t sim_now(const struct sim *s)
{
    return s->now;
}

unsigned sim_guests(const struct sim *s)
{
    return s->vms->len;
}

void sim_set_capacity(struct sim *s, uint64_t capacity)
{
    s->capacity = (double)capacity;
}

void sim_end_guest(struct sim *s, unsigned guest)
{
    vm_end(s, sim_vm(s, guest));
}

void sim_pause_guest(struct sim *s, unsigned guest, bool paused)
{
    vm_stir(sim_vm(s, guest));
    sim_vm(s, guest)->paused = paused;
}

void sim_configure(struct sim *s, const void *manager_config)
{
    s->config.manager_config = manager_config;
    if (s->manager && s->config.manager->configure)
        s->config.manager->configure(s->manager, manager_config);
}

void sim_manager_off(struct sim *s, bool off)
{
    s->manager_was_off = off;
    see_to_manager(s);
}
