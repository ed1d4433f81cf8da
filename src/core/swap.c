/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the pager is told one figure, what its guest may occupy. It puts pages out until the
 * guest is below, and from then on a page for each that comes back. So the figure is the guarantee
 * that the balloon can't give; and because random pages of the guest's are what it costs, it is
 * asked for last:
 * - state high: nothing. Clear and soft: only in place of a balloon that can't be asked or has
 *   nothing more to give, and what has to be gone before state hard is reached (plan.c);
 * - hard: what the balloon does not give in time. It is trusted with what it delivers before the
 *   host gets worse (plan.c); the pager takes the rest of what is above the guest's entitlement;
 * - low: there is no time to wait for anybody;
 * - a limit holds always.
 * Where little is free, nobody may grow by more than his part of it until the next look (pace.c).
 *
 * A figure once given is not simply taken back when the host is better: everything would come back
 * at once, and be put out again. The guest stays bounded, by its entitlement or by what it holds,
 * whichever is more, until the split has all for it that it may want before the next decision; and
 * what was begun in state hard goes on until the host is in state high.
 * Raising the figure brings nothing back by itself; pages come when they are touched.
 *
 * For a guest with private memory the kernel does the same, but not by itself: it is asked again
 * with each look, so the figure may be exceeded by what the guest takes in between.
 *
 * Invariants: never below a reservation (as far as a limit allows it); no guest loses pages in
 * state high but for its limit; in states hard and low nobody with a pager may occupy more than its
 * entitlement and what its balloon is about to give, or its share where it is entitled to all it is
 * expected to want, or an unused part of its reservation.
 */
#include "core/policy_guest.h"

/* A change by less than this part of the size, or this much, is not worth an order. */
#define ALLOW_MIN_DIVISOR 128
#define ALLOW_MIN_MAX     (16 * MIB)

bool guest_can_swap(const struct policy_guest *g)
{
    const struct pager_observation *p = &g->seen.pager;

    return p->present && !p->parked && p->room > 0 && !g->settings.exempt;
}

bool guest_balloon_spent(const struct policy_guest *g, usec_t now)
{
    enum reason reason = g->verdict.reason;

    return guest_balloon_obstacle(g, now) != REASON_NONE || reason == REASON_GUEST_RESERVE ||
           reason == REASON_BALLOON_MAX;
}

static void bound_by(struct verdict *v, uint64_t bytes, enum reason reason)
{
    if (bytes >= v->allowed)
        return;
    v->allowed = bytes;
    v->allowed_reason = reason;
}

/*
 * The host is short, and this guest's pager is the one to take: down to its entitlement. One that
 * is entitled to all it is expected to want has nothing to give, and may want more than was
 * expected: up to its share.
 */
static void take(struct policy_guest *g, const struct guest_bounds *bounds, uint64_t share,
                 const struct outlook *outlook, bool spent)
{
    struct verdict *v = &g->verdict;
    uint64_t excess = u64_sub(guest_holds(g), v->entitled), credit = 0;

    if (v->entitled >= bounds->hi) {
        bound_by(v, u64_max(v->entitled, share), REASON_CAPPED);
        return;
    }
    if (!spent && outlook->state == HOST_HARD)
        credit = u64_min(excess, g->plan.credit);
    bound_by(v, v->entitled + credit,
             excess <= credit ? REASON_CAPPED
             : spent          ? REASON_SWAP_INSTEAD
                              : REASON_SWAP_BESIDES);
}

/* Nothing more is to be taken from it. */
static void relent(struct policy_guest *g, const struct guest_bounds *bounds)
{
    struct verdict *v = &g->verdict;
    uint64_t holds = guest_holds(g);

    if (v->allowed_before == ALLOWED_ANY || v->entitled >= bounds->hi || v->out == 0)
        return;
    /* What was begun goes on until the host is well. */
    if (v->state != HOST_HIGH && v->allowed_before < holds) {
        bound_by(v, u64_max(v->entitled, v->allowed_before), REASON_SWAP_BESIDES);
        return;
    }
    bound_by(v, u64_max(v->entitled, holds), REASON_CAPPED);
}

/* What the balloons do not free before the host is in state hard. */
static void go_ahead(struct policy_guest *g)
{
    if (g->plan.ahead > 0)
        bound_by(&g->verdict, u64_sub(guest_holds(g), g->plan.ahead), REASON_SWAP_AHEAD);
}

static bool worth_an_order(const struct verdict *v)
{
    uint64_t least = u64_max(BALLOON_STEP_MIN, u64_min(v->size / ALLOW_MIN_DIVISOR, ALLOW_MIN_MAX));
    uint64_t before = v->allowed_before;

    if (v->allowed == ALLOWED_ANY || before == ALLOWED_ANY)
        return v->allowed != before;
    return v->allowed >= before + least || before >= v->allowed + least;
}

void swap_decide(struct policy_guest *g, const struct guest_bounds *bounds, uint64_t share,
                 const struct outlook *outlook)
{
    struct verdict *v = &g->verdict;
    const struct pager_observation *p = &g->seen.pager;
    enum reason obstacle = guest_balloon_obstacle(g, outlook->now);
    uint64_t limit = guest_limit(g);

    v->allowed_before = p->allowed;
    if (!p->present)
        return;
    if (p->parked) {
        v->allowed = v->allowed_before;
        v->allowed_reason = REASON_PARKED;
        return;
    }
    if (obstacle == REASON_EXEMPT) {
        v->allowed_reason = REASON_EXEMPT;
        v->allow = worth_an_order(v);
        return;
    }
    bool spent = guest_balloon_spent(g, outlook->now);

    bool is_short = outlook->state != HOST_HIGH && !outlook->wanting;

    if (is_short && guest_can_swap(g) && (spent || outlook->state >= HOST_HARD))
        take(g, bounds, share, outlook, spent);
    else
        relent(g, bounds);
    go_ahead(g);
    if (g->plan.ceiling != ALLOWED_ANY)
        bound_by(v, g->plan.ceiling, REASON_PACED);
    v->allowed = u64_max(v->allowed, u64_min(g->settings.reservation, v->size));
    if (limit < v->size)
        bound_by(v, limit, REASON_LIMIT);
    g->paced = v->allowed_reason == REASON_PACED;
    v->allow = worth_an_order(v);
}
