/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy knows, for display. */
#include <string.h>

#include "core/policy_impl.h"

void policy_guest_view(const struct policy_guest *g, struct guest_view *ret)
{
    *ret = (struct guest_view){
        .seen = g->seen,
        .settings = g->settings,
        .activity = g->activity,
        .activity_source = g->activity_source,
        .active = u64_min(g->active, g->seen.size),
        .balloon_target = g->balloon.target,
        .shares = guest_shares(g),
        .trust = g->trust,
        .driver = g->balloon.driver,
        .swap = g->swap,
        .distress = g->distress,
        .distress_since = g->distress_since,
        .swap_in_rate = g->rates.swap_in,
        .swap_out_rate = g->rates.swap_out,
        .major_fault_rate = g->rates.major_faults,
        .lost_part = g->lost.part,
        .balloon_rate = g->balloon.speed.rate,
        .swap_rate = g->swap_speed.rate,
        .block_owed = (usec_t)g->block.owed,
        .paged_by_guest = u64_min(g->double_paging.by_vmm, g->double_paging.by_guest),
        .guest_swap_seen = g->swap_seen,
        .verdict = g->verdict,
    };
    memcpy(ret->lost, g->lost.by, sizeof(ret->lost));
}

void policy_host_view(const struct policy *p, struct host_view *ret)
{
    *ret = (struct host_view){
        .state = p->state,
        .state_since = p->state_since,
        .capacity = p->host.capacity,
        .resident = p->held + p->host.other,
        .free = policy_host_free(p),
        .minfree = p->minfree,
        .available = p->available,
    };
    for (int state = HOST_CLEAR; state < HOST_STATE_MAX; state++)
        ret->marks[state] = host_state_mark((enum host_state)state, p->minfree);
    ret->marks[HOST_HIGH] = host_state_way_out(HOST_CLEAR, p->minfree);
    for (size_t i = 0; i < p->n; i++) {
        ret->configured += p->guests[i]->seen.size;
        ret->ballooned += p->guests[i]->seen.size - p->guests[i]->seen.actual;
    }
}
