/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proxmox VE's pvestatd. The host is to be used to 80 %: what is missing or too much is divided by
 * shares among the guests that are pressed (when growing) or rich (when shrinking), and if that
 * does not do among all, each by at most 100 MiB in 10 s. A guest is rich where it has a quarter of
 * its minimum free, page cache not counted. At its start a guest is ballooned to its minimum.
 * Beside it runs ksmtuned, as shipped (peer_ksmtuned.h).
 *
 * The order in which guests are served comes from a hash in the original; here from the seed. A
 * guest whose processors stand still counts as locked by a migration, which the original skips.
 */
#include "policies/peer_proxmox.h"

#include <stdlib.h>

#include "policies/peer_fleet.h"
#include "policies/peer_ksmtuned.h"

#define PERIOD_USEC    (10 * USEC_PER_SEC)
#define TARGET_PERCENT 80
#define STEP           ((int64_t)(100 * MIB))
#define DEAD_BAND      ((int64_t)(10 * MIB))
#define SHARES_DEFAULT 1000
#define SHARES_MAX     50000

int64_t proxmox_goal(int64_t total, int64_t used, unsigned target_percent)
{
    return (int64_t)((double)total * target_percent / 100 - (double)used);
}

static int64_t planned(const struct proxmox_vm *vm)
{
    return vm->target >= 0 ? vm->target : vm->cur;
}

/* One guest's turn. False: it is done with. Adds to @changes what its target changed by, and to
 * @progress how far that is from what it has; @again: another round is worth it. */
static bool serve(struct proxmox_vm *vm, int64_t bytes, int64_t step, int64_t want,
                  int64_t *changes, int64_t *progress, bool *again)
{
    int64_t b;

    if (bytes > 0 && want > vm->cur)
        b = MIN(vm->cur + step, want);
    else if (want < vm->cur)
        b = MAX(vm->cur - step, want);
    else
        return false;
    if (b == vm->cur)
        return true;

    int64_t change = b - planned(vm);

    vm->target = b;
    if (change != 0) {
        *changes += change;
        *progress += llabs(b - vm->cur);
        *again = true;
    }
    return true;
}

/* Hands @bytes out to, or takes them from, the guests of the list; returns what is left of them. */
static int64_t change(struct proxmox_vm **list, size_t n, int64_t bytes, int64_t step)
{
    g_autofree bool *done = g_new0(bool, n);
    int64_t rest = bytes, progress = 1;
    bool again = true;

    while (rest != 0 && again && progress != 0) {
        int64_t shares = 0, pool = rest, changes = 0;

        again = false;
        progress = 0;
        for (size_t i = 0; i < n; i++)
            if (!done[i]) {
                pool += planned(list[i]) - list[i]->min;
                shares += list[i]->shares;
            }
        for (size_t i = 0; i < n; i++) {
            struct proxmox_vm *vm = list[i];
            int64_t want;

            if (done[i])
                continue;
            want = vm->min + (int64_t)((double)pool / (double)shares * (double)vm->shares);
            if (want < vm->min || want > vm->max) {
                want = CLAMP(want, vm->min, vm->max);
                again = true;
            }
            done[i] = !serve(vm, bytes, step, want, &changes, &progress, &again);
        }
        rest -= changes;
    }
    return rest;
}

static bool rich(const struct proxmox_vm *vm)
{
    return vm->free >= 0 && (double)vm->free > 0.25 * (double)vm->min && vm->cur >= vm->min;
}

void proxmox_balance(struct proxmox_vm *vms, size_t n, int64_t goal, int64_t step)
{
    g_autofree struct proxmox_vm **all = g_new(struct proxmox_vm *, n + 1);
    g_autofree struct proxmox_vm **first = g_new(struct proxmox_vm *, n + 1);
    size_t n_all = 0, n_first = 0;

    for (size_t i = 0; i < n; i++) {
        vms[i].target = -1;
        if (vms[i].shares == 0)
            continue;
        all[n_all++] = &vms[i];
        if (rich(&vms[i]) == (goal < 0))
            first[n_first++] = &vms[i];
    }
    if (goal > DEAD_BAND) {
        int64_t rest = change(first, n_first, goal, step);

        if (rest >= goal)
            change(all, n_all, rest, step);
    } else if (goal < -DEAD_BAND) {
        int64_t rest = change(first, n_first, goal, step);

        if (rest <= goal)
            change(all, n_all, rest, step);
    }
}

struct proxmox {
    struct peer_fleet fleet;
    struct ksmtuned ksm;
    GRand *rand;
    usec_t born;
};

static void *create(struct sim *s, const void *config, uint64_t capacity)
{
    const struct policies_config *c = config;
    struct proxmox *p = g_new0(struct proxmox, 1);

    peer_fleet_init(&p->fleet, s, capacity);
    p->rand = g_rand_new_with_seed(c ? c->seed : 1);
    p->born = sim_now(s);
    return p;
}

static void destroy(void *m)
{
    struct proxmox *p = m;

    peer_fleet_deinit(&p->fleet);
    g_rand_free(p->rand);
    g_free(p);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct proxmox *p = m;
    struct peer_guest *g = peer_fleet_started(&p->fleet, guest, facts);
    bool adopted = p->born > 0 && sim_now(p->fleet.sim) == p->born;

    if (!adopted)
        peer_guest_set(&p->fleet, g, g->min);
}

static void ended(void *m, unsigned guest)
{
    struct proxmox *p = m;

    peer_fleet_ended(&p->fleet, guest);
}

static struct proxmox_vm facts_of(const struct peer_guest *g)
{
    return (struct proxmox_vm){
        .cur = (int64_t)g->actual,
        .min = (int64_t)g->min,
        .max = (int64_t)g->size,
        .shares = g->shares == 0 ? SHARES_DEFAULT : (int64_t)u64_min(g->shares, SHARES_MAX),
        .free = g->free == GUEST_STAT_UNSET ? -1 : (int64_t)g->free,
    };
}

/* The guests that take part, in random order. */
static GPtrArray *eligible(struct proxmox *p)
{
    GPtrArray *list = g_ptr_array_new();

    for (unsigned i = 0; i < p->fleet.guests->len; i++) {
        struct peer_guest *g = peer_guest(&p->fleet, i);

        if (g->reported && g->running)
            g_ptr_array_insert(list, g_rand_int_range(p->rand, 0, (gint32)list->len + 1), g);
    }
    return list;
}

static void balance(struct proxmox *p)
{
    g_autoptr(GPtrArray) list = eligible(p);
    g_autofree struct proxmox_vm *vms = g_new0(struct proxmox_vm, list->len + 1);

    for (unsigned i = 0; i < list->len; i++)
        vms[i] = facts_of(list->pdata[i]);
    proxmox_balance(vms, list->len,
                    proxmox_goal((int64_t)p->fleet.capacity,
                                 (int64_t)u64_sub(p->fleet.capacity, p->fleet.free),
                                 TARGET_PERCENT),
                    STEP);
    for (unsigned i = 0; i < list->len; i++)
        if (vms[i].target >= 0 && vms[i].target != vms[i].cur)
            peer_guest_set(&p->fleet, list->pdata[i], (uint64_t)vms[i].target);
}

static usec_t wake(void *m, usec_t now)
{
    struct proxmox *p = m;

    peer_fleet_look(&p->fleet);
    balance(p);
    ksmtuned_wake(&p->ksm, &p->fleet, now);
    return now + PERIOD_USEC;
}

const struct manager_ops PEER_PROXMOX = {
    .name = "proxmox",
    .title = "Proxmox auto-ballooning",
    .sharing = true,
    .create = create,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .wake = wake,
};
