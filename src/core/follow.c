/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a guest takes memory, and how fast its balloon and its pager give it, from one look to
 * the next. */
#include "core/policy_guest.h"

static double difference(uint64_t before, uint64_t now)
{
    return now >= before ? (double)(now - before) : -(double)(before - now);
}

/* @ran: of the time since @before, when it was not held by us. */
void guest_follow_memory(struct policy_guest *g, const struct guest_observation *before, usec_t ran)
{
    const struct guest_observation *seen = &g->seen;
    bool paged = guest_pager_stays(g, before);
    double grown = difference(before->resident, seen->resident);
    double holds = grown + difference(before->pager.cache, seen->pager.cache);
    uint64_t loaded = paged ? u64_sub(seen->pager.loaded, before->pager.loaded) : 0;
    uint64_t put_out = paged ? u64_sub(seen->pager.moved_out, before->pager.moved_out) : 0;

    meter_follow(&g->growth, grown, ran);
    meter_follow(&g->loads, (double)loaded, ran);
    meter_follow(&g->intake, holds + (double)put_out, ran);
    if (paged)
        g->double_paging.by_vmm +=
            u64_sub(seen->pager.paged_by_guest, before->pager.paged_by_guest);
}

/* Above its bound by less than this, a pager has as good as nothing to do. */
#define EXCESS_LEAST (2 * MIB)

static uint64_t excess_over_bound(const struct guest_observation *o)
{
    return o->pager.present && !o->pager.parked && o->pager.room > 0
               ? u64_sub(o->resident + o->pager.cache, o->pager.allowed)
               : 0;
}

/* Since when nothing was put out of it although the last decision would have it. */
void guest_follow_futility(struct policy_guest *g, const struct guest_observation *before,
                           usec_t now)
{
    const struct verdict *v = &g->verdict;
    bool told = v->size > 0 && guest_can_swap(g) && guest_holds(g) >= v->allowed &&
                guest_holds(g) - v->allowed >= EXCESS_LEAST;

    if (!told || !guest_pager_stays(g, before) ||
        g->seen.pager.moved_out != before->pager.moved_out)
        g->futile_since = now;
}

void guest_follow_swap_speed(struct policy_guest *g, const struct guest_observation *before,
                             usec_t elapsed)
{
    const struct guest_observation *seen = &g->seen;

    if (excess_over_bound(before) < EXCESS_LEAST || !guest_pager_stays(g, before))
        return;
    speed_follow(&g->swap_speed, u64_sub(seen->pager.moved_out, before->pager.moved_out), elapsed,
                 excess_over_bound(seen) >= EXCESS_LEAST);
}

/* @elapsed: since the visible size was asked for last, @ran of it not held by us. */
void guest_follow_balloon(struct policy_guest *g, uint64_t actual_before, usec_t ran, usec_t now)
{
    struct balloon *b = &g->balloon;
    uint64_t inflated = u64_sub(actual_before, g->seen.actual);

    meter_follow(&b->inflow, (double)inflated, ran);
    if (g->seen.actual != actual_before)
        b->at_rest_since = now;
    if (!b->inflating || actual_before < b->target + EXCESS_LEAST || !g->seen.running ||
        !g->seen.reachable)
        return;
    speed_follow(&b->speed, inflated, u64_min(ran, u64_sub(now, b->begun_at)),
                 g->seen.actual >= b->target + EXCESS_LEAST);
}
