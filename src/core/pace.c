/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: between two looks guests may take more than there is. A pager enforces by itself and at
 * once what its guest may occupy, so where little is free, what is free is dealt out beforehand:
 * each guest may occupy what it holds and its part, and may so, together with all others, never
 * take more than what there was. Those that grow get as much as they would take until the next
 * decision, if they are entitled to it; what is left goes to all by shares, because nobody knows
 * who will grow next. Half of it is dealt out, so that a bound can stay while it is between a half
 * and twice of what it would be now.
 *
 * This takes nothing from anybody: no bound lies below what a guest holds. Where there is plenty
 * nobody is bounded. Guests without a pager can't be bounded; for what they are about to take,
 * less is dealt out. The kernel does not keep a guest below its bound by itself: what it swaps for
 * counts among them in state high, and in the others is put right with the next look.
 */
#include "core/policy_impl.h"

/* In state high guests are bounded below so many times minfree, and not any more from so many on.
 */
#define SCARCE_MINFREES 2
#define PLENTY_MINFREES 3

/* As long as it may take until growth is seen and acted upon. */
#define REACTION_USEC (500 * USEC_PER_MSEC)

/* Who grows gets what it takes in so long. */
#define PACE_USEC PLAN_GROWS_USEC

static bool is_paced(const struct policy *p, const struct policy_guest *g)
{
    const struct pager_observation *pager = &g->seen.pager;
    bool bounded = pager->allowed != ALLOWED_ANY;

    if (!guest_can_swap(g) || (pager->kernel && p->state == HOST_HIGH))
        return false;
    return p->state != HOST_HIGH || p->scarce || (bounded && !p->plenty);
}

static void see_scarcity(struct policy *p, uint64_t free_now)
{
    p->scarce = free_now < SCARCE_MINFREES * p->minfree + p->grows;
    p->plenty = free_now >= PLENTY_MINFREES * p->minfree + p->grows;
}

/* What a guest takes whatever it is dealt: all where it can't be bounded, else what it must be
 * left. */
static uint64_t takes_anyway(const struct policy_guest *g, bool paced)
{
    uint64_t grows = plan_guest_grows(g, REACTION_USEC);

    return paced ? u64_min(grows, u64_sub(g->settings.reservation, guest_holds(g))) : grows;
}

/* May it grow at all, or is it to give? */
static bool may_grow(const struct policy *p, const struct policy_guest *g)
{
    return p->state == HOST_HIGH ||
           guest_holds(g) < u64_max(g->verdict.entitled, p->comfort[g->index].target);
}

static void set_ceiling(struct policy_guest *g, uint64_t headroom)
{
    uint64_t holds = guest_holds(g), before = g->seen.pager.allowed;

    g->plan.headroom = headroom;
    g->plan.ceiling = holds + headroom;
    if (before != ALLOWED_ANY && before >= holds + headroom / 2 && before <= holds + 2 * headroom)
        g->plan.ceiling = before;
}

int pace_decide(struct policy *p, uint64_t free_now)
{
    uint64_t wanted = 0, taken = 0;
    size_t n_paced = 0;
    double shares = 0;

    see_scarcity(p, free_now);
    for (size_t i = 0; i < p->n; i++) {
        const struct policy_guest *g = p->guests[i];
        bool paced = is_paced(p, g), grows = paced && may_grow(p, g);
        uint64_t wants =
            u64_min(rate_bytes(g->intake.rate, PACE_USEC), u64_sub(g->seen.size, guest_holds(g)));

        p->pace[i] = (struct waterfill_guest){
            .shares = (double)guest_shares(g), .active = GUEST_SIZE_MAX, .hi = grows ? wants : 0};
        n_paced += paced;
        taken += takes_anyway(g, paced);
        wanted += p->pace[i].hi;
        shares += grows ? p->pace[i].shares : 0;
    }
    if (n_paced == 0)
        return 0;
    uint64_t all = u64_sub(free_now, host_state_mark(HOST_LOW, p->minfree) + taken) / 2;
    uint64_t left = u64_sub(all, wanted);
    int r = waterfill(p->pace, p->n, all, p->params.idle_tax);

    if (r < 0)
        return r;
    for (size_t i = 0; i < p->n; i++) {
        struct policy_guest *g = p->guests[i];

        if (!is_paced(p, g))
            continue;
        double part = may_grow(p, g) ? p->pace[i].shares / shares : 0;
        set_ceiling(g, p->pace[i].target + (uint64_t)(part * (double)left));
    }
    return 0;
}

/* A guest that has used up half of what it was dealt should be dealt anew. */
bool pace_runs_out(const struct policy_guest *g)
{
    return g->verdict.allowed_reason == REASON_PACED &&
           u64_sub(g->verdict.allowed, guest_holds(g)) < g->plan.headroom / 2;
}

usec_t pace_lasts(const struct policy_guest *g)
{
    if (g->verdict.allowed_reason != REASON_PACED || g->plan.headroom == 0)
        return USEC_NEVER;
    return rate_usec(g->intake.rate, u64_sub(g->verdict.allowed, guest_holds(g)));
}
