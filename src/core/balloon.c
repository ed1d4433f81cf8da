/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the guest's visible size is to become its entitlement. Deflation is sent at once and in
 * full. Inflation is sent in steps that the guest can reach, because the in-tree driver keeps
 * trying for ever, and with it reclaim in the guest, while its target is out of reach (Out of
 * puff!):
 * - what the guest has to spare, where its statistics are believed;
 * - beyond that a small step at a time, if it has swap of its own to page to;
 * - small steps blindly, where nothing is known.
 * A balloon that stops short of its target for stall_usec has stalled: its target goes back to what
 * it reached, and it is left alone for a pause that doubles from stall to stall.
 *
 * Where a pager keeps pages out, a host in state high is only so because of that: the balloon goes
 * on, until it has what the pager had to take. What is out counts as seen, but not as held: in a
 * shortage the guest is left its entitlement and what is out on top of it.
 *
 * Invariants: no target below the balloon's cap or a reservation; none below the present size
 * while the host is not short, except to enforce a limit or to relieve a pager; while an inflation
 * is under way and the host has recovered, the target goes back to the present size.
 */
#include "core/policy_guest.h"

/* Blind steps, and steps that make the guest page: parts of its size per decision. */
#define STEP_BLIND_DIVISOR    32
#define STEP_SWAP_DIVISOR     16
#define STEP_DISTRESS_DIVISOR 64

/* Of its entitlement: what the balloon takes at a time of a guest of which pages are out, how near
 * to it the guest must be for that, and how far below for the balloon to give way. */
#define RELIEF_STEP_DIVISOR 16
#define RELIEF_FULL_DIVISOR 32
#define RELIEF_LACK_DIVISOR 8

/* A deflation without distress by less than this part of the size, or this size, is not worth a
 * command. */
#define DEFLATE_MIN_DIVISOR 32
#define DEFLATE_MIN_MAX     (64 * MIB)

static void balloon_stall(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    struct balloon *b = &g->balloon;
    bool never_moved = b->driver == DRIVER_UNKNOWN || b->driver == DRIVER_ABSENT;

    b->driver = never_moved && g->trust == STATS_ABSENT ? DRIVER_ABSENT : DRIVER_STALLED;
    b->backoff =
        u64_clamp(2 * b->backoff, params->stall_backoff_usec, params->stall_backoff_max_usec);
    b->backoff_until = now + b->backoff;
    b->stalled = true;
    b->inflating = false;
    if (g->trust != STATS_FRESH)
        return;
    if (guest_spare(g, params) == 0 && guest_swap_hoped(g))
        guest_swap_failed(g); /* it was asked for more than it had, and could not page out */
    else if (!guest_pages_itself(g))
        g->refuted_until = b->backoff_until; /* it called memory available that it could not get */
}

static void balloon_moved(struct balloon *b, uint64_t actual, usec_t now)
{
    b->mark = actual;
    b->progress_at = now;
    if (b->driver != DRIVER_STALLED)
        b->driver = DRIVER_WORKING;
}

void balloon_follow(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    struct balloon *b = &g->balloon;
    const uint64_t actual = g->seen.actual;

    if (!g->seen.balloon_device) {
        b->driver = DRIVER_NO_DEVICE;
        return;
    }
    if (b->driver == DRIVER_NO_DEVICE)
        b->driver = DRIVER_UNKNOWN;
    if (g->trust != STATS_ABSENT && (b->driver == DRIVER_UNKNOWN || b->driver == DRIVER_ABSENT)) {
        b->driver = DRIVER_WORKING; /* only a driver sends statistics */
        b->backoff = b->backoff_until = 0;
    }
    if (now >= b->backoff_until && b->driver == DRIVER_STALLED)
        b->driver = DRIVER_WORKING;
    bool arrived = actual < b->target + BALLOON_STEP_MIN;

    if (arrived || !g->seen.running || !g->seen.reachable) {
        if (b->inflating && arrived) {
            b->inflating = false;
            b->backoff = 0; /* it got there: the next stall is a first one */
            b->driver = DRIVER_WORKING;
        }
        b->progress_at = now; /* nothing to wait for */
        b->mark = actual;
        return;
    }
    if (actual > b->mark)
        b->mark = actual; /* the guest rebooted, or deflated on its own */
    if (b->mark - actual >= BALLOON_STEP_MIN)
        balloon_moved(b, actual, now);
    else if (!b->stalled && now >= b->progress_at + params->stall_usec)
        balloon_stall(g, params, now);
}

static void hold(struct policy_guest *g, enum reason reason)
{
    g->verdict.mechanism = MECHANISM_NONE;
    g->verdict.from = g->verdict.to = g->seen.actual;
    g->verdict.reason = reason;
}

static void set_target(struct policy_guest *g, uint64_t to, enum reason reason)
{
    g->verdict.from = g->seen.actual;
    g->verdict.to = to;
    g->verdict.reason = reason;
    g->verdict.mechanism = to == g->balloon.target ? MECHANISM_NONE : MECHANISM_BALLOON;
}

/* How far the guest can be asked to shrink now. */
static uint64_t reachable_step(const struct policy_guest *g, const struct policy_params *params,
                               bool probe)
{
    const uint64_t size = g->seen.size, spare = guest_spare(g, params);

    if (spare == GUEST_STAT_UNSET)
        return size / STEP_BLIND_DIVISOR;
    if (probe)
        return guest_available(g) + guest_probe_step(g);
    if (!guest_pages_itself(g))
        return spare;
    bool gently = g->distress && g->verdict.state < HOST_HARD;

    return u64_max(spare, size / (gently ? STEP_DISTRESS_DIVISOR : STEP_SWAP_DIVISOR));
}

/* The visible size that the balloon works towards. */
static uint64_t wanted_size(const struct policy_guest *g, const struct guest_bounds *bounds)
{
    return u64_max(g->verdict.entitled, u64_min(bounds->visible, guest_limit(g)));
}

/* Does its pager keep pages out because there is no room for them? */
static bool is_capped(const struct policy_guest *g)
{
    const struct pager_observation *p = &g->seen.pager;

    return p->present && !p->parked && p->out > 0 && p->allowed != ALLOWED_ANY && !g->paced;
}

/* Bytes that the guest sees and that cost the host nothing, because they are out. */
static uint64_t out_for_nothing(const struct policy_guest *g)
{
    return u64_sub(g->seen.pager.out, g->seen.pager.cache);
}

/*
 * What the balloon takes of a guest that is held at its entitlement anyway may be memory that is
 * out, or not. So it takes little at a time, and again when the guest has filled up what was
 * resident: pages that are out and that nobody touches must not end as pages that it lacks.
 */
static uint64_t relief_step(const struct policy_guest *g, uint64_t wanted)
{
    return u64_min(g->seen.pager.out, u64_max(BALLOON_STEP_MIN, wanted / RELIEF_STEP_DIVISOR));
}

static bool can_relieve(const struct policy_guest *g, uint64_t wanted)
{
    return is_capped(g) && guest_holds(g) + wanted / RELIEF_FULL_DIVISOR >= wanted;
}

/* It lacks what it is entitled to, while what it sees is taken up by pages that are out. */
static bool is_cheated(const struct policy_guest *g, uint64_t wanted)
{
    return is_capped(g) && guest_holds(g) + wanted / RELIEF_LACK_DIVISOR < wanted;
}

/* Towards the visible size @wanted, as far as that can be reached now. */
static void inflate(struct policy_guest *g, const struct policy_params *params,
                    const struct guest_bounds *bounds, uint64_t wanted, enum reason reason)
{
    const uint64_t actual = g->seen.actual;
    uint64_t cap = guest_balloon_cap(g, params);
    uint64_t floor = u64_max(cap, u64_min(g->settings.reservation, guest_limit(g)));
    uint64_t reach = u64_sub(actual, reachable_step(g, params, bounds->probe));
    uint64_t to = u64_max(u64_max(wanted, floor), reach);

    if (reason == REASON_RELIEVE_PAGER)
        to = u64_max(to, u64_sub(actual, relief_step(g, wanted)));

    /* What is under way already goes on; a step that adds next to nothing to it is not worth a
     * command. */
    uint64_t target = g->balloon.target;

    if (u64_max(to, target) < actual &&
        u64_max(to, target) - u64_min(to, target) < BALLOON_STEP_MIN)
        to = target;
    if (to + BALLOON_STEP_MIN <= actual)
        set_target(g, to, reason);
    else if (floor + BALLOON_STEP_MIN > actual && floor > wanted)
        hold(g, floor == cap ? REASON_BALLOON_MAX : REASON_RESERVATION);
    else if (wanted + BALLOON_STEP_MIN <= actual)
        hold(g, REASON_GUEST_RESERVE);
    else
        hold(g, bounds->lo_reason == REASON_RESERVATION && bounds->lo == g->verdict.entitled
                    ? REASON_RESERVATION
                    : REASON_TOO_SMALL);
}

static void deflate(struct policy_guest *g, uint64_t to)
{
    const uint64_t actual = g->seen.actual, size = g->seen.size;
    enum reason reason = g->distress ? REASON_DISTRESS : REASON_GIVE_BACK;
    bool at_once = g->distress || to == size;
    uint64_t least =
        at_once ? BALLOON_STEP_MIN : u64_min(size / DEFLATE_MIN_DIVISOR, DEFLATE_MIN_MAX);
    uint64_t under_way = g->balloon.target;

    if (under_way > actual && to != size && to < under_way + least && under_way < to + least)
        to = under_way;
    if (to == size || to - actual >= least)
        set_target(g, to, reason);
    else
        hold(g, REASON_TOO_SMALL);
}

/* What the pager has put out counts: the guest that gives it back spares both the disk. */
static void decide_unhindered(struct policy_guest *g, const struct policy_params *params,
                              const struct guest_bounds *bounds, uint64_t comfort)
{
    const uint64_t actual = g->seen.actual, limit = guest_limit(g), touched = guest_touched(g);
    const uint64_t wanted = wanted_size(g, bounds), nothing = out_for_nothing(g);
    const uint64_t due =
        u64_max(comfort, is_cheated(g, wanted) ? u64_min(wanted + nothing, limit) : wanted);
    bool short_of_memory = g->verdict.state != HOST_HIGH;

    if (g->released)
        set_target(g, limit, REASON_RELEASED);
    else if (actual > limit && touched > limit)
        inflate(g, params, bounds, limit, REASON_LIMIT);
    else if (due > actual)
        deflate(g, due);
    else if (short_of_memory && touched > wanted && actual > wanted + nothing)
        inflate(g, params, bounds, wanted + nothing, REASON_SHORTAGE);
    else if (can_relieve(g, wanted) && touched > wanted && actual > wanted)
        inflate(g, params, bounds, wanted, REASON_RELIEVE_PAGER);
    else if (touched > wanted)
        hold(g, REASON_PLENTY);
    else
        hold(g, REASON_NONE);
}

/*
 * An inflation that nobody needs any more ends where it is; what is left of a page or two is noise.
 * Where it is must be known as of now: after a look at memory alone, the balloon may have arrived.
 */
static void stop_inflation(struct policy_guest *g)
{
    const uint64_t actual = g->seen.actual;

    if (!g->seen.partial && g->verdict.mechanism == MECHANISM_NONE && g->verdict.to == actual &&
        g->balloon.target + BALLOON_STEP_MIN <= actual)
        set_target(g, actual, g->verdict.reason);
}

void balloon_decide(struct policy_guest *g, const struct policy_params *params,
                    const struct guest_bounds *bounds, uint64_t comfort, usec_t now)
{
    enum reason obstacle = guest_balloon_obstacle(g, now);

    if (g->verdict.state != HOST_HIGH)
        g->released = false;
    if (obstacle == REASON_EXEMPT || obstacle == REASON_UNREACHABLE ||
        (obstacle == REASON_NO_DRIVER && g->balloon.driver == DRIVER_NO_DEVICE)) {
        hold(g, obstacle);
        return;
    }
    if (g->balloon.stalled) {
        set_target(g, g->seen.actual, REASON_STALLED);
        return;
    }
    decide_unhindered(g, params, bounds, comfort);
    bool would_give = g->verdict.to < g->seen.actual;
    bool may_have_to = g->verdict.to == g->seen.actual && g->verdict.state != HOST_HIGH;

    if (obstacle != REASON_NONE && (would_give || may_have_to))
        hold(g, obstacle);
    stop_inflation(g);
}
