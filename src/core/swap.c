/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the pager is told one figure, what its guest may occupy. It puts pages out until the
 * guest is below, and from then on a page for each that comes back. So the figure is the guarantee
 * that the balloon can't give; and because random pages of the guest's are what it costs, it is
 * asked for last:
 * - state high: nothing. Clear and soft: only in place of a balloon that can't be asked;
 * - hard: what the balloon does not give in time. It is trusted with what it was asked for during
 *   the first BALLOON_CHANCE_USEC, and then with what it gives until the next decision at the rate
 *   at which it does; the pager takes the rest of what is above the guest's entitlement. A balloon
 *   that works is so never raced by the pager, and one that only seems to delays it by two seconds;
 * - low: there is no time to wait for anybody;
 * - a limit holds always.
 *
 * A figure once given is not simply taken back when the host is better: everything would come back
 * at once, and be put out again. The guest stays bounded, by its entitlement or by what it holds,
 * whichever is more, until the split has all for it that it may want before the next decision.
 * Raising the figure brings nothing back by itself; pages come when they are touched.
 *
 * Invariants: never below a reservation (as far as a limit allows it); no guest loses pages in
 * state high but for its limit; in states hard and low nobody with a pager may occupy more than its
 * entitlement and what its balloon is about to give, or its share where it is entitled to all it is
 * expected to want, or an unused part of its reservation.
 */
#include "core/policy_guest.h"

/* As long as a decision's period: a balloon that was asked in one is judged in the next. */
#define BALLOON_CHANCE_USEC (2 * USEC_PER_SEC)

/* A change by less than this part of the size, or this much, is not worth an order. */
#define ALLOW_MIN_DIVISOR 128
#define ALLOW_MIN_MAX     (16 * MIB)

bool guest_can_swap(const struct policy_guest *g)
{
    const struct pager_observation *p = &g->seen.pager;

    return p->present && !p->parked && p->room > 0 && !g->settings.exempt;
}

bool guest_swaps(const struct policy_guest *g, enum host_state state, enum reason obstacle)
{
    return guest_can_swap(g) && (state >= HOST_HARD || obstacle != REASON_NONE);
}

/* Bytes that the balloon is about to give, by what it was asked for and by what it does. */
static uint64_t balloon_delivers(const struct policy_guest *g, const struct outlook *outlook)
{
    const struct balloon *b = &g->balloon;
    const struct verdict *v = &g->verdict;
    bool asked_now = v->mechanism == MECHANISM_BALLOON && v->to < v->from;
    uint64_t pending = u64_sub(g->seen.actual, asked_now ? v->to : b->target);

    if (b->stalled || (!asked_now && !b->inflating))
        return 0;
    if (!b->inflating || outlook->now < b->begun_at + BALLOON_CHANCE_USEC)
        return pending;
    double gives = (double)b->inflate_rate * (double)outlook->horizon / (double)USEC_PER_SEC;

    return u64_min(pending, (uint64_t)gives);
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
                 const struct outlook *outlook, enum reason obstacle)
{
    struct verdict *v = &g->verdict;
    uint64_t excess = u64_sub(guest_holds(g), v->entitled), credit = 0;

    if (v->entitled >= bounds->hi) {
        bound_by(v, u64_max(v->entitled, share), REASON_CAPPED);
        return;
    }
    if (obstacle == REASON_NONE && outlook->state == HOST_HARD)
        credit = u64_min(excess, balloon_delivers(g, outlook));
    bound_by(v, v->entitled + credit,
             excess <= credit          ? REASON_CAPPED
             : obstacle != REASON_NONE ? REASON_SWAP_INSTEAD
                                       : REASON_SWAP_BESIDES);
}

/* Nothing is to be taken from it. */
static void relent(struct policy_guest *g, const struct guest_bounds *bounds)
{
    struct verdict *v = &g->verdict;

    if (v->allowed_before == ALLOWED_ANY || v->entitled >= bounds->hi)
        return;
    bound_by(v, u64_max(v->entitled, guest_holds(g)), REASON_CAPPED);
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
    if (outlook->state != HOST_HIGH && guest_swaps(g, outlook->state, obstacle))
        take(g, bounds, share, outlook, obstacle);
    else
        relent(g, bounds);
    v->allowed = u64_max(v->allowed, u64_min(g->settings.reservation, v->size));
    if (limit < v->size)
        bound_by(v, limit, REASON_LIMIT);
    v->allow = worth_an_order(v);
}
