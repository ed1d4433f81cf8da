/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what may be handed out is split twice. First by what each guest may want before the next
 * decision: that are the entitlements. Then, in state high, what nobody needs is dealt out so that
 * balloons empty; in the others each guest's share is found, as if all wanted all they can have:
 * who is entitled to all that is expected of him may still grow so far.
 */
#include "core/policy_impl.h"

static uint64_t set_bounds(struct policy *p, const struct outlook *outlook)
{
    uint64_t lo_sum = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct policy_guest *g = p->guests[i];

        p->bounds[i] = guest_bounds(g, &p->params, outlook);
        p->split[i] = (struct waterfill_guest){
            .shares = (double)guest_shares(g),
            .active = g->active,
            .lo = p->bounds[i].lo,
            .hi = p->bounds[i].hi,
        };
        lo_sum += p->bounds[i].lo;
    }
    return lo_sum;
}

/* From here on, in multiples of minfree, a host is taken to have plenty (ESXi 6 leaves state high
 * only at three to four times minfree). */
#define PLENTY_MINFREES 3

/*
 * What nobody needs empties balloons. Memory that a guest sees and does not use is idle, and where
 * there is plenty it counts as in the price, for 1/k; near minfree every byte that is shown counts,
 * or each guest's turn would begin with taking back what another was shown and never used.
 */
static int find_comfort(struct policy *p)
{
    double k = waterfill_idle_cost(p->params.idle_tax);
    uint64_t entitled = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct policy_guest *g = p->guests[i];

        p->comfort[i] = p->split[i];
        p->comfort[i].lo = p->split[i].target;
        p->comfort[i].hi =
            u64_max(p->split[i].target, g->seen.actual < g->seen.size ? guest_limit(g) : 0);
        entitled += p->split[i].target;
    }
    uint64_t left = u64_sub(p->available, entitled);
    uint64_t plenty = u64_sub(left, PLENTY_MINFREES * p->minfree);

    return waterfill(p->comfort, p->n, entitled + left + (uint64_t)((k - 1) * (double)plenty),
                     p->params.idle_tax);
}

/*
 * What each would be entitled to if all wanted all they can have: as far as a pager must let a
 * guest grow of which more was not expected. Without pagers nobody asks.
 */
static int find_shares(struct policy *p)
{
    bool asked = false;

    for (size_t i = 0; i < p->n; i++) {
        p->comfort[i] = p->split[i];
        p->comfort[i].hi = u64_max(p->split[i].lo, guest_limit(p->guests[i]));
        asked = asked || guest_can_swap(p->guests[i]);
    }
    if (!asked)
        return 0;
    return waterfill(p->comfort, p->n, p->available, p->params.idle_tax);
}

int policy_split(struct policy *p, struct outlook *outlook)
{
    /* What the guests can spare is not enough: see who has swap of its own. */
    if (set_bounds(p, outlook) > p->available && p->state >= HOST_HARD) {
        outlook->probe = true;
        (void)set_bounds(p, outlook);
    }
    int r = waterfill(p->split, p->n, p->available, p->params.idle_tax);

    if (r < 0)
        return r;
    return p->state == HOST_HIGH ? find_comfort(p) : find_shares(p);
}
