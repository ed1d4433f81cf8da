/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a guest that is held takes nothing, and what is put out of it stays out. That is the last
 * resort: it is used in state low alone, and there only while what is put out of the guests does
 * not suffice to leave it soon, at the rates at which they are put out and grow.
 *
 * Only guests above their target (what they may occupy) are held, and only such as gain by it:
 * those of which the host puts pages out meanwhile. A guest that has no means but its balloon is
 * never held, because its driver would stand still too; neither is one whose balloon is just
 * giving. One of which nothing can be taken counts as entitled to what it has, and so is not above
 * its target: to hold it would only delay what it does.
 *
 * Fairness: who is twice as far above his target, relative to it, is held twice as long. In each
 * moment one factor holds for all: a guest earns factor * (holds - target) / target of that moment,
 * and what it has earned is paid in slices, as soon as it is worth one. The factor is such that the
 * guest that is farthest above is held for GAIN times its excess, and at most for block_part.
 *
 * Who is not above his target any more, or when state low is left, is let go on before his slice is
 * over.
 *
 * Invariants: no block is longer than block_slice_usec; after one of length s the guest runs for at
 * least s (1 - block_part) / block_part, counted from what it was really held; none is above what
 * was earned.
 */
#include "core/policy_impl.h"

/* Excess of 10 % earns half of the time. */
#define GAIN 5.0

/* A slice that is shorter than this is not worth two orders to the VMM. */
#define SLICE_LEAST_USEC (50 * USEC_PER_MSEC)

/* What was earned and can't be paid out is not saved up beyond so many slices. */
#define SAVED_SLICES 2

/* Reclaim without blocking is given so long to leave state low. */
#define HORIZON_USEC USEC_PER_SEC

/* Time between decisions in state low is less; a longer gap is no basis. */
#define EARNING_MAX_USEC USEC_PER_SEC

static double rest_per_block(const struct policy_params *params)
{
    double part = params->block_part > 0 && params->block_part < 1 ? params->block_part : 0.5;

    return (1 - part) / part;
}

void block_follow(struct policy_guest *g, const struct policy_params *params, usec_t held,
                  usec_t elapsed)
{
    struct block *b = &g->block;

    b->rest += (double)held * rest_per_block(params) - (double)(elapsed - held);
    if (b->rest < 0)
        b->rest = 0;
}

static uint64_t target_of(const struct policy_guest *g)
{
    return u64_max(1, verdict_target(&g->verdict));
}

static bool balloon_gives(const struct policy_guest *g)
{
    return g->balloon.inflating && g->balloon.inflow.rate >= BALLOON_STEP_MIN;
}

/* Of it above its target, relative to that; 0: it is not, or may not be held. */
static double excess_of(const struct policy_guest *g)
{
    uint64_t target = target_of(g), holds = guest_holds(g);

    if (!guest_can_swap(g) || !g->seen.reachable || !g->seen.running || balloon_gives(g) ||
        holds < target + BALLOON_STEP_MIN)
        return 0;
    return (double)(holds - target) / (double)target;
}

/* Is reclaim alone too slow? */
static bool is_needed(const struct policy *p, uint64_t free_now)
{
    uint64_t mark = host_state_way_out(HOST_LOW, p->minfree);
    uint64_t taken = 0, grown = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct policy_guest *g = p->guests[i];
        uint64_t takes = g->seen.running ? rate_bytes(g->intake.rate, HORIZON_USEC) : 0;
        uint64_t excess = u64_sub(guest_holds(g), target_of(g));

        if (guest_can_swap(g) && excess > 0)
            taken += u64_min(excess + takes, rate_bytes(plan_swap_speed(p, g), HORIZON_USEC));
        grown += excess > 0 ? takes : plan_guest_grows(g, HORIZON_USEC);
    }
    return free_now + taken < mark + grown;
}

static void pay(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    struct block *b = &g->block;
    double debt = b->owed - (double)u64_sub(g->seen.blocked, b->blocked_before);
    double most = (double)params->block_slice_usec;
    usec_t least = u64_min(SLICE_LEAST_USEC, params->block_slice_usec);

    if (debt > SAVED_SLICES * most) {
        b->owed -= debt - SAVED_SLICES * most;
        debt = SAVED_SLICES * most;
    }
    if (now < b->free_at || b->rest > 0 || debt < (double)u64_max(1, least))
        return;
    g->verdict.block = u64_min((usec_t)debt, params->block_slice_usec);
    g->verdict.block_reason = REASON_BLOCKED;
    b->free_at =
        now + g->verdict.block + (usec_t)((double)g->verdict.block * rest_per_block(params));
}

/* Who may be held; the largest excess of all, or 0. */
static double find_farthest(struct policy *p)
{
    double farthest = 0;

    for (size_t i = 0; i < p->n; i++) {
        double excess = excess_of(p->guests[i]);

        p->guests[i]->verdict.may_block = excess > 0;
        farthest = excess > farthest ? excess : farthest;
    }
    return farthest;
}

void block_decide(struct policy *p, uint64_t free_now, usec_t now)
{
    usec_t passed = u64_min(u64_sub(now, p->decided_at), EARNING_MAX_USEC);
    double farthest = p->params.block && p->state == HOST_LOW ? find_farthest(p) : 0;
    bool earning = p->blocking;

    p->blocking = farthest > 0 && is_needed(p, free_now);
    if (!p->blocking)
        return;
    double factor = p->params.block_part / farthest < GAIN ? p->params.block_part / farthest : GAIN;

    for (size_t i = 0; i < p->n; i++) {
        struct policy_guest *g = p->guests[i];
        double excess = excess_of(g);

        if (excess <= 0)
            continue;
        if (earning)
            g->block.owed += factor * excess * (double)passed;
        pay(g, &p->params, now);
    }
}
