/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squeezed's rules (peer_squeezed.h) on a simulated host: it balances where a trial every ten
 * seconds would change something, and frees memory for a guest that wants to start. A guest starts
 * with what was reserved for it.
 */
#include <string.h>

#include "policies/peer_fleet.h"
#include "policies/peer_squeezed.h"

#define TRIAL_USEC (10 * USEC_PER_SEC)
#define STEP_USEC  USEC_PER_SEC

/* Memory for one guest that is to start; one at a time. */
struct reservation {
    const char *name;               /* NULL: there is none */
    uint64_t lo, hi, goal, granted; /* granted: 0 while memory is being freed */
};

struct squeezed {
    struct peer_fleet fleet;
    struct reservation reserved;
    bool balancing;
    usec_t trial_at, born;
};

static void *create(struct sim *s, const void *config, uint64_t capacity)
{
    struct squeezed *q = g_new0(struct squeezed, 1);

    (void)config;
    peer_fleet_init(&q->fleet, s, capacity);
    q->born = sim_now(s);
    return q;
}

static void destroy(void *m)
{
    struct squeezed *q = m;

    peer_fleet_deinit(&q->fleet);
    g_free(q);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct squeezed *q = m;
    usec_t now = sim_now(q->fleet.sim);
    struct peer_guest *g = peer_fleet_started(&q->fleet, guest, facts);
    struct squeezed_domain *d = g_new0(struct squeezed_domain, 1);

    g->own = d;
    if (q->reserved.name && strcmp(q->reserved.name, facts->name) == 0) {
        peer_guest_start_with(&q->fleet, g, q->reserved.granted);
        q->reserved.name = NULL;
    }
    d->can_balloon = facts->balloon_device;
    d->dmin = facts->min;
    d->dmax = facts->size;
    d->actual = d->target = g->actual;
    squeezed_domain_init(d, now);
}

static void ended(void *m, unsigned guest)
{
    struct squeezed *q = m;

    peer_fleet_ended(&q->fleet, guest);
}

static uint64_t host_free(const struct squeezed *q)
{
    return u64_sub(q->fleet.capacity,
                   peer_fleet_assigned(&q->fleet) + (q->reserved.name ? q->reserved.granted : 0));
}

/* The domains as they are; room for one more. */
static struct squeezed_domain *domains(const struct squeezed *q)
{
    struct squeezed_domain *ret = g_new0(struct squeezed_domain, q->fleet.guests->len + 1);

    for (unsigned i = 0; i < q->fleet.guests->len; i++) {
        const struct peer_guest *g = peer_guest(&q->fleet, i);

        ret[i] = *(struct squeezed_domain *)g->own;
        ret[i].actual = g->actual;
    }
    return ret;
}

/* The opposite: what was found out is kept, and changed targets are sent. */
static void apply(struct squeezed *q, const struct squeezed_domain *from)
{
    for (unsigned i = 0; i < q->fleet.guests->len; i++) {
        struct peer_guest *g = peer_guest(&q->fleet, i);
        struct squeezed_domain *d = g->own;
        bool changed = from[i].target != d->target;

        *d = from[i];
        if (changed)
            peer_guest_set(&q->fleet, g, d->target);
    }
}

static void grant(struct squeezed *q)
{
    uint64_t free = host_free(q);

    if (free >= q->reserved.lo + SQUEEZED_HOST_TARGET)
        q->reserved.granted =
            u64_clamp(free - SQUEEZED_HOST_TARGET, q->reserved.lo, q->reserved.hi);
    else
        q->reserved.name = NULL; /* it failed; whoever starts the guest tries again */
}

static bool admit(void *m, const struct manager_guest *facts)
{
    struct squeezed *q = m;
    g_autofree struct squeezed_domain *all = NULL;
    g_autofree uint64_t *ideals = NULL;
    unsigned n = q->fleet.guests->len;

    if (q->born > 0 && sim_now(q->fleet.sim) == q->born)
        return true; /* it runs already */
    if (q->reserved.name)
        return strcmp(q->reserved.name, facts->name) == 0 && q->reserved.granted > 0;
    peer_fleet_look(&q->fleet);
    all = domains(q);
    ideals = g_new0(uint64_t, n + 1);
    all[n] = (struct squeezed_domain){
        .can_balloon = true, .dmin = facts->min, .dmax = facts->size, .actual = 0};
    squeezed_ideals(all, n + 1, host_free(q), SQUEEZED_HOST_TARGET, ideals);
    q->reserved = (struct reservation){facts->name, facts->min, facts->size, ideals[n], 0};
    if (host_free(q) >= ideals[n] + SQUEEZED_HOST_TARGET)
        grant(q);
    return q->reserved.name && q->reserved.granted > 0;
}

static void free_for_start(struct squeezed *q, struct squeezed_domain *all)
{
    bool changed;

    if (squeezed_step(all, q->fleet.guests->len, host_free(q), false, q->reserved.goal, &changed) !=
        SQUEEZED_WAIT)
        grant(q);
}

static void balance(struct squeezed *q, struct squeezed_domain *all, usec_t now)
{
    bool changed;
    enum squeezed_answer answer =
        squeezed_step(all, q->fleet.guests->len, host_free(q), true, 0, &changed);

    q->balancing = answer == SQUEEZED_WAIT && (q->balancing || changed);
    if (!q->balancing)
        q->trial_at = now + TRIAL_USEC;
}

static usec_t wake(void *m, usec_t now)
{
    struct squeezed *q = m;
    g_autofree struct squeezed_domain *all = NULL;

    peer_fleet_look(&q->fleet);
    all = domains(q);
    squeezed_observe(all, q->fleet.guests->len, now);
    if (q->reserved.name && q->reserved.granted == 0)
        free_for_start(q, all);
    else if (q->balancing || now >= q->trial_at)
        balance(q, all, now);
    apply(q, all);
    return now + STEP_USEC;
}

const struct manager_ops PEER_SQUEEZED = {
    .name = "squeezed",
    .title = "Xen squeezed",
    .create = create,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .admit = admit,
    .wake = wake,
};
