/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOM (oVirt/mom), by the two sets of rules that are in use. Each guest is looked at on its own:
 * under pressure its balloon grows by 5 % a period as long as it has a part of its memory unused,
 * otherwise it shrinks likewise. Page cache counts as used. The means are of the last ten samples.
 * KSM is driven by what the guests' processes could use at most.
 */
#include "policies/peer_mom.h"

#include <math.h>

#include "policies/peer_fleet.h"

#define PRESSURE       0.20
#define CRITICAL       0.05
#define GUEST_FREE     0.20
#define STEP           0.05
#define LEAST_CHANGE   0.0025
#define SAMPLES_MAX    10
#define KSM_BOOST      300
#define KSM_DECAY      (-50)
#define KSM_PAGES_MIN  64
#define KSM_PAGES_MAX  1250
#define KSM_SLEEP_MS   10
#define KSM_SLEEP_KIB  16777216
#define VDSM_SLEEP_MIN 10

/* The part of its memory that a guest is left unused. */
static double guest_free_part(double host_free)
{
    return host_free <= CRITICAL ? host_free - CRITICAL : GUEST_FREE * host_free / PRESSURE;
}

static bool enough(const struct mom_guest *g, double target)
{
    return fabs(target - g->cur) > LEAST_CHANGE * g->cur;
}

static bool shrink(const struct mom_guest *g, double host_free, double *ret_target)
{
    double used = g->avg_cur - g->avg_unused;
    double floor = fmax(g->min, used + guest_free_part(host_free) * g->cur);

    *ret_target = fmax(g->cur * (1 - STEP), floor);
    return *ret_target <= g->cur && enough(g, *ret_target);
}

static bool grow(const struct mom_guest *g, double part, double *ret_target)
{
    double used = g->avg_cur - g->avg_unused;
    double floor = fmax(g->min, used + part * g->cur);

    if (g->cur >= g->max)
        return false;
    *ret_target = fmin(fmax(g->cur * (1 + STEP), floor), g->max);
    return enough(g, *ret_target);
}

bool mom_balloon(enum mom_rules rules, const struct mom_host *host, const struct mom_guest *g,
                 double *ret_target)
{
    double part = host->free / host->total;
    bool set = part < PRESSURE
                   ? shrink(g, part, ret_target)
                   : grow(g, rules == MOM_VDSM ? guest_free_part(part) : GUEST_FREE, ret_target);

    if (rules == MOM_VDSM && g->cur < g->min) {
        *ret_target = g->min;
        set = true;
    }
    return set;
}

void mom_ksm(enum mom_rules rules, const struct mom_host *host, double committed,
             struct mom_ksm *ksm)
{
    double threshold = PRESSURE * host->total;

    if (threshold + committed < host->total && host->free > threshold) {
        ksm->run = false;
        return;
    }
    ksm->run = true;
    ksm->sleep_ms = trunc(KSM_SLEEP_MS * (KSM_SLEEP_KIB / host->total));
    if (rules == MOM_VDSM)
        ksm->sleep_ms = fmax(ksm->sleep_ms, VDSM_SLEEP_MIN);
    ksm->pages =
        fmin(fmax(ksm->pages + (host->free < threshold ? KSM_BOOST : KSM_DECAY), KSM_PAGES_MIN),
             KSM_PAGES_MAX);
}

/* The last samples of a figure. */
struct history {
    double samples[SAMPLES_MAX];
    unsigned n, next;
};

static void history_add(struct history *h, double sample)
{
    h->samples[h->next] = sample;
    h->next = (h->next + 1) % SAMPLES_MAX;
    if (h->n < SAMPLES_MAX)
        h->n++;
}

static double history_mean(const struct history *h)
{
    double sum = 0;

    for (unsigned i = 0; i < h->n; i++)
        sum += h->samples[i];
    return h->n > 0 ? sum / h->n : 0;
}

struct guest_history {
    struct history cur, unused;
    bool complete; /* the last sample had all figures; else the guest is left out */
};

struct mom {
    struct peer_fleet fleet;
    enum mom_rules rules;
    usec_t monitor_every, policy_every, monitor_at, policy_at;
    struct history host_free;
    struct mom_ksm ksm;
};

static struct mom *new_mom(struct sim *s, uint64_t capacity, enum mom_rules rules,
                           usec_t monitor_every, usec_t policy_every)
{
    struct mom *mom = g_new0(struct mom, 1);

    peer_fleet_init(&mom->fleet, s, capacity);
    mom->rules = rules;
    mom->monitor_every = monitor_every;
    mom->policy_every = policy_every;
    mom->policy_at = policy_every; /* it sleeps first */
    mom->ksm.pages = KSM_PAGES_MIN;
    return mom;
}

static void *create_doc(struct sim *s, const void *config, uint64_t capacity)
{
    (void)config;
    return new_mom(s, capacity, MOM_DOC, 5 * USEC_PER_SEC, 10 * USEC_PER_SEC);
}

static void *create_vdsm(struct sim *s, const void *config, uint64_t capacity)
{
    (void)config;
    return new_mom(s, capacity, MOM_VDSM, 15 * USEC_PER_SEC, 15 * USEC_PER_SEC);
}

static void destroy(void *m)
{
    struct mom *mom = m;

    peer_fleet_deinit(&mom->fleet);
    g_free(mom);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct mom *mom = m;

    peer_fleet_started(&mom->fleet, guest, facts)->own = g_new0(struct guest_history, 1);
}

static void ended(void *m, unsigned guest)
{
    struct mom *mom = m;

    peer_fleet_ended(&mom->fleet, guest);
}

static void monitor(struct mom *mom)
{
    peer_fleet_look(&mom->fleet);
    history_add(&mom->host_free, (double)mom->fleet.free / KIB);
    for (unsigned i = 0; i < mom->fleet.guests->len; i++) {
        const struct peer_guest *g = peer_guest(&mom->fleet, i);
        struct guest_history *h = g->own;

        h->complete = g->reported && g->free != GUEST_STAT_UNSET;
        if (!h->complete)
            continue;
        history_add(&h->cur, (double)g->actual / KIB);
        history_add(&h->unused, (double)g->free / KIB);
    }
}

static void balance(struct mom *mom, const struct mom_host *host)
{
    for (unsigned i = 0; i < mom->fleet.guests->len; i++) {
        struct peer_guest *g = peer_guest(&mom->fleet, i);
        const struct guest_history *h = g->own;
        const struct mom_guest facts = {
            .cur = (double)g->actual / KIB,
            .min = (double)g->min / KIB,
            .max = (double)g->size / KIB,
            .avg_cur = history_mean(&h->cur),
            .avg_unused = history_mean(&h->unused),
        };
        double target;

        if (h->complete && mom_balloon(mom->rules, host, &facts, &target))
            peer_guest_set(&mom->fleet, g, (uint64_t)target * KIB);
    }
}

static void merge(struct mom *mom, const struct mom_host *host)
{
    double committed = 0;

    for (unsigned i = 0; i < mom->fleet.guests->len; i++)
        committed += (double)peer_guest(&mom->fleet, i)->size / KIB;
    mom_ksm(mom->rules, host, committed, &mom->ksm);
    manager_scan(mom->fleet.sim,
                 mom->ksm.run ? mom->ksm.pages * 1000 / fmax(mom->ksm.sleep_ms, 1) : 0);
}

static usec_t wake(void *m, usec_t now)
{
    struct mom *mom = m;

    if (now >= mom->monitor_at) {
        monitor(mom);
        mom->monitor_at = now + mom->monitor_every;
    }
    if (now >= mom->policy_at) {
        struct mom_host host = {(double)mom->fleet.capacity / KIB, history_mean(&mom->host_free)};

        balance(mom, &host);
        merge(mom, &host);
        mom->policy_at = now + mom->policy_every;
    }
    return u64_min(mom->monitor_at, mom->policy_at);
}

const struct manager_ops PEER_MOM = {
    .name = "mom",
    .title = "MOM, rules of its documentation",
    .sharing = true,
    .create = create_doc,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .wake = wake,
};

const struct manager_ops PEER_MOM_VDSM = {
    .name = "mom-vdsm",
    .title = "MOM, rules of oVirt's vdsm",
    .sharing = true,
    .create = create_vdsm,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .wake = wake,
};
