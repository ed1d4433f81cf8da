/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the water-filling may give a guest anything between lo and hi.
 *
 * lo is what cannot or must not be taken from it now: its reservation, and what no mechanism at
 * hand can reclaim. Counting the unreclaimable into lo makes the others carry the rest of a
 * shortage, instead of waiting for a guest that cannot deliver. hi is what it could use before the
 * next decision: what is resident plus room to grow, or all of its size where a balloon that it
 * presses against hides how much it would use. Beyond that, a balloon may be emptied for comfort.
 *
 * A pager can take all but the reservation. With one, lo is what it leaves, in every state: who has
 * a driver is entitled to no more than who has none. What the balloon must leave then bounds the
 * balloon alone, in every state: such a guest may see more than it may occupy, and what is too much
 * is put out. How much it wants back shows in what it touches of that.
 */
#include "core/policy_guest.h"

/* A probe for guest swap asks for this part of the guest's size, up to a size at which it must
 * show. */
#define PROBE_DIVISOR 64
#define PROBE_MAX     (64 * MIB)

bool guest_probe_swap(const struct policy_guest *g, enum host_state state, bool needed)
{
    return needed && state >= HOST_HARD && g->swap == GUEST_SWAP_UNKNOWN;
}

uint64_t guest_probe_step(const struct policy_guest *g)
{
    return u64_clamp(g->seen.size / PROBE_DIVISOR, BALLOON_STEP_MIN, PROBE_MAX);
}

uint64_t guest_balloon_cap(const struct policy_guest *g, const struct policy_params *params)
{
    return g->seen.size - (uint64_t)(params->balloon_max * (double)g->seen.size);
}

uint64_t guest_limit(const struct policy_guest *g)
{
    return g->settings.limit ? u64_min(g->settings.limit, g->seen.size) : g->seen.size;
}

uint64_t guest_shares(const struct policy_guest *g)
{
    if (g->settings.shares)
        return g->settings.shares;
    return u64_max(1, g->seen.size / MIB * SHARES_PER_MIB_NORMAL);
}

enum reason guest_balloon_obstacle(const struct policy_guest *g, usec_t now)
{
    if (g->settings.exempt)
        return REASON_EXEMPT;
    if (!g->seen.reachable)
        return REASON_UNREACHABLE;
    if (g->balloon.driver == DRIVER_NO_DEVICE)
        return REASON_NO_DRIVER;
    if (g->seen.pager.parked)
        return REASON_PARKED; /* its driver would wake it */
    if (!g->seen.running)
        return REASON_NOT_RUNNING;
    if (now < g->balloon.backoff_until)
        return g->balloon.driver == DRIVER_ABSENT ? REASON_NO_DRIVER : REASON_BACKOFF;
    /* It spoke once and fell silent: that is what a guest under too much pressure does. */
    if (g->trust == STATS_STALE)
        return REASON_STALE_STATS;
    /* How much it can spare nobody knows; what can put out any page of it need not ask. But one
     * little step shows whether there is a driver at all. */
    if (!guest_believed(g) && guest_can_swap(g) && g->balloon.driver != DRIVER_UNKNOWN)
        return g->balloon.driver == DRIVER_ABSENT ? REASON_NO_DRIVER : REASON_UNBELIEVED;
    return REASON_NONE;
}

/*
 * Without swap of its own a guest needs what it uses and a reserve. Where it has less than that,
 * this lies above its present size, and the balloon must give back. What it is about to use on top
 * is left to it, but not given at the cost of others.
 */
static uint64_t needed_without_swap(const struct policy_guest *g,
                                    const struct policy_params *params, uint64_t used)
{
    uint64_t needed = used + guest_reserve(g, params);

    return u64_max(needed, u64_min(g->seen.actual, needed + guest_about_to_use(g)));
}

/* Sets the least visible size that the balloon can bring the guest to, and what makes it so. */
static uint64_t balloon_floor(const struct policy_guest *g, const struct policy_params *params,
                              struct guest_bounds *b)
{
    uint64_t cap = guest_balloon_cap(g, params);
    uint64_t available = guest_available(g);

    b->lo_reason = REASON_BALLOON_MAX;
    if (guest_pages_itself(g) || available == GUEST_STAT_UNSET)
        return cap;
    uint64_t used = u64_sub(g->seen.actual, available);
    /* While it is found out, its claim to need all it uses must not be at the cost of others. */
    uint64_t floor = b->probe ? cap : needed_without_swap(g, params, used);

    b->vital = u64_min(used + guest_reserve(g, params) / 2, g->seen.size);
    if (floor > cap)
        b->lo_reason = REASON_GUEST_RESERVE;
    return u64_clamp(floor, cap, g->seen.size);
}

/* All that a guest sees is in use but this part of its size: its kernel keeps some free, and a
 * little may be out. */
#define FULL_DIVISOR 32

bool guest_is_full(const struct policy_guest *g)
{
    return g->seen.resident + g->seen.saved + g->seen.size / FULL_DIVISOR >= g->seen.actual;
}

static uint64_t room_to_grow(const struct policy_guest *g, const struct policy_params *params,
                             usec_t horizon)
{
    uint64_t growth = rate_bytes(u64_max(g->growth.rate, g->loads.rate), horizon);

    return u64_max(params->growth_floor, u64_min(growth, g->seen.size));
}

/* Less than this, and a guest makes no progress: each page that it touches pushes out the next. */
#define SWAP_LEAST (8 * MIB)

static uint64_t swap_floor(const struct policy_guest *g)
{
    uint64_t holds = guest_holds(g);

    return u64_max(u64_min(holds, SWAP_LEAST), u64_sub(holds, g->seen.pager.room));
}

struct guest_bounds guest_bounds(const struct policy_guest *g, const struct policy_params *params,
                                 const struct outlook *outlook)
{
    const uint64_t holds = guest_holds(g), size = g->seen.size;
    const enum reason obstacle = guest_balloon_obstacle(g, outlook->now);
    struct guest_bounds b = {
        .lo_reason = obstacle,
        .probe = !guest_can_swap(g) && guest_probe_swap(g, outlook->state, outlook->probe),
    };
    uint64_t grown = holds + room_to_grow(g, params, outlook->horizon);
    bool ballooned = g->seen.actual < size;
    bool waits = g->distress & DISTRESS_WAITING;
    bool hides_demand =
        waits || (ballooned && (g->distress || guest_is_full(g) || grown >= g->seen.actual));

    b.hi = u64_min(hides_demand ? size : u64_min(size, grown), guest_limit(g));
    uint64_t floor = obstacle == REASON_NONE ? balloon_floor(g, params, &b) : 0;

    b.lo = obstacle == REASON_NONE ? u64_min(ballooned ? size : holds, floor) : holds;
    if (guest_can_swap(g)) {
        b.visible = floor;
        b.lo = u64_min(b.lo, swap_floor(g));
    }
    if (g->settings.reservation >= b.lo) {
        b.lo = u64_min(holds, g->settings.reservation);
        b.lo_reason = REASON_RESERVATION;
    }
    /* What cannot be taken is held, limit or not: to count it as free would give it away twice. */
    b.hi = u64_max(b.lo, b.hi);
    return b;
}
