/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks between polls. A poll asks each guest over QMP, once in a stats-period; memory can run out
 * in less. The policy says how soon it must be looked at again for growth not to overtake it, and a
 * look reads only what costs next to nothing: what the guests occupy, and the page maps. Where the
 * policy finds that things got worse, it decides at once.
 */
#include "daemon/reconcile_impl.h"

/* No sooner, so that what guests took in between is more than noise and looking costs little. */
#define LOOK_LEAST_USEC (100 * USEC_PER_MSEC)

static gboolean look(void *data);

/* Sets the time of the next look; where that is as soon as the next poll, none is needed. */
static void arm(struct reconcile *r)
{
    usec_t most = r->config->stats_period_usec;
    usec_t in = policy_look_in(r->policy, LOOK_LEAST_USEC, most);

    r->look = in < most ? g_timeout_add((guint)(in / USEC_PER_MSEC), look, r) : 0;
}

static gboolean look(void *data)
{
    struct reconcile *r = data;

    reconcile_look_at_host(r);
    policy_host_seen(r->policy, &r->host);
    for (guint i = 0; i < guests_count(r->guests); i++) {
        struct guest *guest = guests_at(r->guests, i);

        /* That its process has ended, the next poll will find. */
        if (guest->policy && vmm_guest_measure(guest->vmm))
            reconcile_observe(r, guest, true);
    }
    arm(r);
    return G_SOURCE_REMOVE;
}

static gboolean arm_soon(void *data)
{
    arm(data);
    return G_SOURCE_REMOVE;
}

void reconcile_look_again(struct reconcile *r)
{
    if (!r->look && !r->closing)
        r->look = g_idle_add(arm_soon, r);
}
