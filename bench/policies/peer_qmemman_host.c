/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmemman's rules (peer_qmemman.h) on a simulated host. In the original each guest's report of what
 * it uses sets off a balance; here that is once a second, as often as statistics come. Targets are
 * sent one after another, each when the memory for it is free. There is no privileged domain.
 */
#include <string.h>

#include "policies/peer_fleet.h"
#include "policies/peer_qmemman.h"

#define BALANCE_USEC        USEC_PER_SEC
#define TRY_USEC            (100 * USEC_PER_MSEC)
#define TRIES_MAX           5
#define KEPT_FREE           (50.0 * MIB)
#define START_FREE          (25.0 * MIB)
#define XEN_OVERHEAD        1.00781
#define UNMOVED             (12.5 * MIB)
#define MOVED_AGAIN         (25.0 * MIB)
#define START_PATIENCE_USEC (3 * USEC_PER_SEC)

/* Per guest. */
struct known {
    double last_target, when_set; /* what it had when that was sent */
    bool no_progress;
};

struct qmemman {
    struct peer_fleet fleet;
    struct qmemman_domain *domains; /* of the last balance, in the fleet's order... */
    size_t *order;                  /* ...and whose turn it is, */
    size_t n_order, turn;           /* the one at turn next */
    unsigned tries;
    usec_t balance_at, start_asked, born;
    double reserved; /* for a guest that was let in and has not started yet */
};

static void *create(struct sim *s, const void *config, uint64_t capacity)
{
    struct qmemman *q = g_new0(struct qmemman, 1);

    (void)config;
    peer_fleet_init(&q->fleet, s, capacity);
    q->born = sim_now(s);
    return q;
}

static void forget_balance(struct qmemman *q)
{
    g_clear_pointer(&q->domains, g_free);
    g_clear_pointer(&q->order, g_free);
    q->n_order = q->turn = 0;
    q->tries = 0;
}

static void destroy(void *m)
{
    struct qmemman *q = m;

    forget_balance(q);
    peer_fleet_deinit(&q->fleet);
    g_free(q);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct qmemman *q = m;
    struct peer_guest *g = peer_fleet_started(&q->fleet, guest, facts);
    struct known *k = g_new0(struct known, 1);
    bool adopted = q->born > 0 && sim_now(q->fleet.sim) == q->born;

    forget_balance(q);
    g->own = k;
    if (!adopted && facts->balloon_device)
        peer_guest_start_with(&q->fleet, g, facts->min);
    k->last_target = k->when_set = (double)g->actual;
    q->reserved = 0;
}

static void ended(void *m, unsigned guest)
{
    struct qmemman *q = m;

    forget_balance(q);
    peer_fleet_ended(&q->fleet, guest);
}

static double hypervisor_free(const struct qmemman *q)
{
    double promised = q->reserved;

    for (unsigned i = 0; i < q->fleet.guests->len; i++) {
        const struct peer_guest *g = peer_guest(&q->fleet, i);
        const struct known *k = g->own;

        promised += MAX(0, k->last_target - (double)g->actual);
    }
    return (double)u64_sub(q->fleet.capacity, peer_fleet_assigned(&q->fleet)) / XEN_OVERHEAD -
           promised;
}

static struct qmemman_domain *domains(const struct qmemman *q)
{
    struct qmemman_domain *ret = g_new0(struct qmemman_domain, q->fleet.guests->len + 1);

    for (unsigned i = 0; i < q->fleet.guests->len; i++) {
        const struct peer_guest *g = peer_guest(&q->fleet, i);
        struct known *k = g->own;
        struct qmemman_domain *d = &ret[i];

        *d = (struct qmemman_domain){
            .known = g->reported && g->used != GUEST_STAT_UNSET,
            .used = g->used == GUEST_STAT_UNSET ? 0 : (double)g->used,
            .actual = MAX((double)g->actual, k->last_target),
            .max = (double)g->size,
            .last_target = k->last_target,
        };
        if ((double)g->actual <= k->last_target + MOVED_AGAIN ||
            (d->known && (double)g->actual < qmemman_pref(d)))
            k->no_progress = false;
        d->no_progress = k->no_progress;
    }
    return ret;
}

static void set(struct qmemman *q, unsigned i, double target)
{
    struct peer_guest *g = peer_guest(&q->fleet, i);
    struct known *k = g->own;

    k->last_target = target;
    k->when_set = (double)g->actual;
    peer_guest_set(&q->fleet, g, (uint64_t)target);
}

/* Those that were asked and have not given anything are left out from now on. */
static void mark_unmoved(struct qmemman *q)
{
    for (unsigned i = 0; i < q->fleet.guests->len; i++) {
        const struct peer_guest *g = peer_guest(&q->fleet, i);
        struct known *k = g->own;

        if ((double)g->actual > k->last_target + UNMOVED && (double)g->actual >= k->when_set)
            k->no_progress = true;
    }
}

/* Sends what may be sent of the last balance. */
static usec_t send(struct qmemman *q, usec_t now)
{
    for (; q->turn < q->n_order; q->turn++) {
        unsigned i = (unsigned)q->order[q->turn];
        const struct qmemman_domain *d = &q->domains[i];
        double actual = (double)peer_guest(&q->fleet, i)->actual, free = hypervisor_free(q);
        double growth = d->target - MAX(actual, d->last_target);

        if (free - growth < 0.9 * KEPT_FREE) {
            if (++q->tries < TRIES_MAX)
                return now + TRY_USEC;
            mark_unmoved(q);
            if (free + actual - KEPT_FREE > actual)
                set(q, i, MIN(d->target, free + actual - KEPT_FREE));
            break;
        }
        set(q, i, d->target);
        q->tries = 0;
    }
    forget_balance(q);
    q->balance_at = now + BALANCE_USEC;
    return q->balance_at;
}

static usec_t wake(void *m, usec_t now)
{
    struct qmemman *q = m;
    unsigned n = q->fleet.guests->len;

    peer_fleet_look(&q->fleet);
    if (q->n_order > 0)
        return send(q, now);
    if (now < q->balance_at)
        return q->balance_at;
    if (q->start_asked > 0 && now - q->start_asked < START_PATIENCE_USEC)
        return now + BALANCE_USEC; /* what is given now is for the one that starts */
    q->start_asked = 0;
    q->domains = domains(q);
    q->order = g_new0(size_t, n + 1);

    double free = hypervisor_free(q) - KEPT_FREE;

    q->n_order = qmemman_balance(q->domains, n, free, q->order);
    if (!qmemman_worth(q->domains, n, free))
        q->n_order = 0;
    return send(q, now);
}

/* Has the others give what a guest that starts is short of. */
static void ask_for_start(struct qmemman *q, double wanted)
{
    g_autofree struct qmemman_domain *all = NULL;
    usec_t now = sim_now(q->fleet.sim);

    if (q->start_asked > 0 && now - q->start_asked < START_PATIENCE_USEC)
        return;
    mark_unmoved(q);
    all = domains(q);
    if (!qmemman_donate(all, q->fleet.guests->len, wanted))
        return;
    forget_balance(q);
    for (unsigned i = 0; i < q->fleet.guests->len; i++)
        if (all[i].set)
            set(q, i, all[i].target);
    q->start_asked = MAX(now, 1);
}

static bool admit(void *m, const struct manager_guest *facts)
{
    struct qmemman *q = m;
    double memory = (double)(facts->balloon_device ? facts->min : facts->size), free;

    if (q->born > 0 && sim_now(q->fleet.sim) == q->born)
        return true; /* it runs already */
    peer_fleet_look(&q->fleet);
    free = hypervisor_free(q);
    if (free >= memory + START_FREE) {
        q->reserved = memory;
        q->start_asked = 0;
        return true;
    }
    ask_for_start(q, memory + KEPT_FREE - free);
    return false;
}

const struct manager_ops PEER_QMEMMAN = {
    .name = "qmemman",
    .title = "Qubes qmemman",
    .create = create,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .admit = admit,
    .wake = wake,
};
