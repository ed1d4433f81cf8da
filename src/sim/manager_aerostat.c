/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real policy (src/core), driven as src/daemon/reconcile.c drives it: guests are polled every
 * stats-period, memory is looked at in between where the policy asks for it, a decision is made
 * every period, or at once where an observation calls for it, DECISION_GAP after the last one at
 * the earliest. Admission is core/admit.c with the sums of reconcile_admit.c, but for swap space,
 * of which there is enough; who starts before the first decision is let in. In ticks that are
 * longer than these times each happens once a tick.
 */
#include <glib.h>

#include "core/admit.h"
#include "sim/manager.h"

/* As the daemon: reconcile_look.c, reconcile.c, pagers.c. */
#define LOOK_LEAST_USEC   (100 * USEC_PER_MSEC)
#define DECISION_GAP_USEC (100 * USEC_PER_MSEC)
#define OWN_MEMORY_BASE   (8 * MIB)
#define OWN_MEMORY_PART   100

struct member {
    unsigned guest;
    struct manager_guest facts;
    struct policy_guest *policy;
};

struct aerostat {
    struct sim *sim;
    struct manager_aerostat_config config;
    struct policy *policy;
    struct share *share;
    struct host_observation host;
    GPtrArray *members; /* struct member, by guest number; NULL: none of that number */
    usec_t polled_at, look_at, decided_at;
    bool decided, urgent;
};

struct manager_aerostat_config manager_aerostat_config_default(void)
{
    return (struct manager_aerostat_config){.policy = policy_params_default(),
                                            .share = share_params_default(),
                                            .period = 2 * USEC_PER_SEC,
                                            .stats_period = USEC_PER_SEC,
                                            .sample_window = 30 * USEC_PER_SEC};
}

static struct member *member_at(const struct aerostat *a, unsigned guest)
{
    return guest < a->members->len ? g_ptr_array_index(a->members, guest) : NULL;
}

static void look_at_host(struct aerostat *a)
{
    struct manager_host host;

    manager_host_look(a->sim, &host);
    a->host = (struct host_observation){.capacity = host.capacity, .free_measured = UINT64_MAX};
}

static void *aerostat_create(struct sim *s, const void *config, uint64_t capacity)
{
    struct aerostat *a = g_new0(struct aerostat, 1);

    a->sim = s;
    a->config = config ? *(const struct manager_aerostat_config *)config
                       : manager_aerostat_config_default();
    a->policy = policy_new(&a->config.policy);
    a->share = share_new(&a->config.share);
    if (!a->policy || !a->share)
        g_error("out of memory");
    a->members = g_ptr_array_new_with_free_func(g_free);
    a->host = (struct host_observation){.capacity = capacity, .free_measured = UINT64_MAX};
    return a;
}

static void aerostat_destroy(void *m)
{
    struct aerostat *a = m;

    g_ptr_array_unref(a->members);
    policy_free(a->policy);
    share_free(a->share);
    g_free(a);
}

static bool observe(struct aerostat *a, struct member *b, bool partial, usec_t now)
{
    struct guest_observation seen;

    manager_guest_look(a->sim, b->guest, partial, &seen);
    return policy_guest_observe(a->policy, b->policy, &seen, now);
}

static void aerostat_started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct aerostat *a = m;
    struct member *b = g_new0(struct member, 1);

    if (a->members->len <= guest)
        g_ptr_array_set_size(a->members, (int)guest + 1);
    *b = (struct member){.guest = guest, .facts = *facts};
    b->policy = policy_guest_add(a->policy, &facts->settings, sim_now(a->sim));
    if (!b->policy)
        g_error("out of memory");
    policy_guest_set_owner(b->policy, b);
    g_free(g_ptr_array_index(a->members, guest));
    g_ptr_array_index(a->members, guest) = b;
    manager_sample(a->sim, guest, a->config.sample_window);
    observe(a, b, false, sim_now(a->sim));
    a->urgent = true;
}

static void aerostat_ended(void *m, unsigned guest)
{
    struct aerostat *a = m;
    struct member *b = member_at(a, guest);

    if (!b)
        return;
    policy_guest_remove(a->policy, b->policy);
    g_ptr_array_index(a->members, guest) = NULL;
    g_free(b);
    a->urgent = true;
}

static uint64_t overhead_of(const struct manager_guest *facts)
{
    return facts->pager ? OWN_MEMORY_BASE + facts->size / OWN_MEMORY_PART : 0;
}

static struct admit_request request_of(const struct manager_guest *facts)
{
    uint64_t reservation = u64_min(facts->settings.reservation, facts->size);

    return (struct admit_request){.size = facts->size,
                                  .reservation = facts->settings.exempt ? facts->size : reservation,
                                  .overhead = overhead_of(facts)};
}

static bool aerostat_admit(void *m, const struct manager_guest *facts)
{
    struct aerostat *a = m;
    struct admit_request request = request_of(facts);
    struct host_view view;
    struct admit_host host;

    if (!a->decided) {
        a->urgent = true;
        return true;
    }
    policy_host_view(a->policy, &view);
    host = (struct admit_host){
        .capacity = a->host.capacity, .minfree = view.minfree, .swap_free = ADMIT_SWAP_ANY};
    for (unsigned i = 0; i < a->members->len; i++) {
        const struct member *b = member_at(a, i);

        if (!b)
            continue;
        struct admit_request other = request_of(&b->facts);

        host.reserved += other.reservation;
        host.overhead += other.overhead;
    }
    return admit(&host, &request) == ADMIT_YES;
}

static void enact(struct aerostat *a, struct member *b, usec_t now)
{
    struct guest_view view;
    const struct verdict *v = &view.verdict;

    policy_guest_view(b->policy, &view);
    if (v->allow && b->facts.pager)
        manager_allow(a->sim, b->guest, v->allowed);
    if (v->block)
        manager_block(a->sim, b->guest, v->block);
    if (v->mechanism != MECHANISM_BALLOON)
        return;
    manager_balloon(a->sim, b->guest, v->to);
    policy_guest_target_sent(b->policy, v->to, now);
}

static void release_the_innocent(struct aerostat *a)
{
    for (unsigned i = 0; i < a->members->len; i++) {
        struct member *b = member_at(a, i);
        struct guest_view view;

        if (!b)
            continue;
        policy_guest_view(b->policy, &view);
        if (!view.verdict.may_block)
            manager_unblock(a->sim, b->guest);
    }
}

static void decide(struct aerostat *a, usec_t now)
{
    struct policy_guest *g;

    look_at_host(a);
    if (policy_decide(a->policy, &a->host, now) < 0)
        g_error("out of memory");
    a->decided = true;
    a->urgent = false;
    a->decided_at = now;
    if (a->config.observe)
        return;
    for (size_t i = 0; (g = policy_decision(a->policy, i)); i++)
        enact(a, policy_guest_owner(g), now);
    release_the_innocent(a);
}

static void look(struct aerostat *a, bool poll, usec_t now)
{
    look_at_host(a);
    policy_host_seen(a->policy, &a->host);
    for (unsigned i = 0; i < a->members->len; i++)
        if (member_at(a, i))
            a->urgent |= observe(a, member_at(a, i), !poll, now);
}

static void share(struct aerostat *a, usec_t now)
{
    struct share_observation seen;
    struct share_decision decision;
    struct host_view view;

    if (!a->decided)
        return;
    manager_share_look(a->sim, &seen);
    policy_host_view(a->policy, &view);
    seen.state = view.state;
    decision = share_decide(a->share, &seen, now);
    if (!a->config.observe)
        manager_scan(a->sim, decision.run ? decision.rate : 0);
}

static usec_t aerostat_wake(void *m, usec_t now)
{
    struct aerostat *a = m;
    bool poll = now >= a->polled_at + a->config.stats_period;
    usec_t next, looks;

    if (poll || now >= a->look_at) {
        look(a, poll, now);
        if (poll) {
            a->polled_at = now;
            share(a, now);
        }
    }
    if (!a->decided || (a->urgent && now >= a->decided_at + DECISION_GAP_USEC) ||
        now >= a->decided_at + a->config.period)
        decide(a, now);
    looks = policy_look_in(a->policy, LOOK_LEAST_USEC, a->config.stats_period);
    a->look_at = looks < a->config.stats_period ? now + looks : USEC_NEVER;
    next = u64_min(a->polled_at + a->config.stats_period, a->look_at);
    next = u64_min(next, a->decided_at + a->config.period);
    return a->urgent ? u64_min(next, a->decided_at + DECISION_GAP_USEC) : next;
}

static void aerostat_configure(void *m, const void *config)
{
    struct aerostat *a = m;

    a->config = *(const struct manager_aerostat_config *)config;
    policy_set_params(a->policy, &a->config.policy);
    share_set_params(a->share, &a->config.share);
    for (unsigned i = 0; i < a->members->len; i++)
        if (member_at(a, i))
            manager_sample(a->sim, i, a->config.sample_window);
    a->urgent = true;
}

static bool aerostat_view(const void *m, unsigned guest, struct guest_view *ret)
{
    const struct member *b = member_at(m, guest);

    if (!b)
        return false;
    policy_guest_view(b->policy, ret);
    return true;
}

static bool aerostat_host_view(const void *m, struct host_view *ret)
{
    const struct aerostat *a = m;

    if (!a->decided)
        return false;
    policy_host_view(a->policy, ret);
    return true;
}

const struct manager_ops MANAGER_AEROSTAT = {
    .name = "aerostat",
    .title = "Aerostat",
    .pagers = true,
    .sharing = true,
    .create = aerostat_create,
    .destroy = aerostat_destroy,
    .started = aerostat_started,
    .ended = aerostat_ended,
    .admit = aerostat_admit,
    .configure = aerostat_configure,
    .wake = aerostat_wake,
    .view = aerostat_view,
    .host_view = aerostat_host_view,
};
