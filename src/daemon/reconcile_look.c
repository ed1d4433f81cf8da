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

static gboolean look(void *data)
{
    struct reconcile *r = data;

    r->look = 0;
    reconcile_look_at_host(r);
    policy_host_seen(r->policy, &r->host);
    for (guint i = 0; i < guests_count(r->guests); i++) {
        struct guest *guest = guests_at(r->guests, i);

        /* That its process has ended, the next poll will find. */
        if (guest->policy && vmm_guest_measure(guest->vmm))
            reconcile_observe(r, guest, true);
    }
    reconcile_look_again(r, NULL);
    return G_SOURCE_REMOVE;
}

/* Where the next look would come no sooner than the next poll, none is needed. */
void reconcile_look_again(struct reconcile *r, const struct guest *guest)
{
    usec_t most = r->config->stats_period_usec, now = now_usec();
    usec_t in = guest ? policy_guest_look_in(r->policy, guest->policy, LOOK_LEAST_USEC, most)
                      : policy_look_in(r->policy, LOOK_LEAST_USEC, most);

    if (r->closing || in >= most || (r->look && r->look_at <= now + in))
        return;
    g_clear_handle_id(&r->look, g_source_remove);
    r->look_at = now + in;
    r->look = g_timeout_add((guint)(in / USEC_PER_MSEC), look, r);
}
