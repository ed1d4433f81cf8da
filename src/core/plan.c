/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: the mechanisms are asked in the order balloon, compression and swapping, blocking, and
 * each for what it delivers in time; what it does not, the next one is asked for. In time is:
 * before the host reaches its next worse state, by how much is free and how fast the guests grow.
 * What a mechanism delivers until then follows from how fast it went with this guest when it was
 * last used; before that, from how fast it goes with the other guests (the median); before that,
 * from a careful guess.
 *
 * In states clear and soft only balloons are asked, and the pagers of guests that can't be
 * ballooned, unless that is not enough: where state hard would be reached within AHEAD_USEC though
 * all of these do what they can, the pagers of the others begin with what is missing, dealt out by
 * what each has too much.
 */
#include <stdlib.h>

#include "core/policy_impl.h"

/* Nothing has to deliver sooner than this; and a host that does not get worse still waits no longer
 * for a balloon: as long as a decision's period. */
#define DEADLINE_MIN_USEC (250 * USEC_PER_MSEC)
#define DEADLINE_MAX_USEC (2 * USEC_PER_SEC)

/* Swapping begins so long before state hard is reached; it is fast. */
#define AHEAD_USEC PLAN_GROWS_USEC

/* A balloon begins to move so late after it was asked, and is looked at once a second. */
#define BALLOON_START_USEC (1500 * USEC_PER_MSEC)

/* Who was told to put pages out and has put out none for so long is not counted on, whatever his
 * speed was. */
#define FUTILE_USEC (2 * USEC_PER_SEC)

/* A guess before anything was measured. Under emulation without KVM a balloon grows by 83 MB/s, a
 * pager puts out 565 MB/s (facts/linux-mechanisms.md, 5.4 and 6.8); the disk may be slower. */
#define BALLOON_SPEED_GUESS (32 * MIB)
#define SWAP_SPEED_GUESS    (100 * MIB)

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, size_t n, uint64_t otherwise)
{
    if (n == 0)
        return otherwise;
    qsort(values, n, sizeof(*values), compare_u64);
    return values[n / 2];
}

static void learn_speeds(struct policy *p)
{
    uint64_t *balloon = p->scratch, *swap = p->scratch + p->n;
    size_t n_balloon = 0, n_swap = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct policy_guest *g = p->guests[i];

        if (g->balloon.speed.rate)
            balloon[n_balloon++] = g->balloon.speed.rate;
        if (g->swap_speed.rate)
            swap[n_swap++] = g->swap_speed.rate;
    }
    p->balloon_speed = median(balloon, n_balloon, BALLOON_SPEED_GUESS);
    p->swap_speed = median(swap, n_swap, SWAP_SPEED_GUESS);
}

static uint64_t balloon_speed(const struct policy *p, const struct policy_guest *g, usec_t now)
{
    const struct balloon *b = &g->balloon;
    uint64_t speed = b->speed.rate ? b->speed.rate : p->balloon_speed;

    /* It is at work, and may have come to memory that is harder to get. */
    if (b->inflating && now >= b->begun_at + BALLOON_START_USEC)
        speed = u64_min(speed, b->inflow.rate);
    return speed;
}

uint64_t plan_swap_speed(const struct policy *p, const struct policy_guest *g)
{
    if (g->seen_at >= g->futile_since + FUTILE_USEC)
        return 0;
    return g->swap_speed.rate ? g->swap_speed.rate : p->swap_speed;
}

/* Bytes that were asked of its balloon, now or before, and have not come yet. */
static uint64_t balloon_pending(const struct policy_guest *g)
{
    const struct verdict *v = &g->verdict;
    bool asked_now = v->mechanism == MECHANISM_BALLOON && v->to < v->from;

    if (g->balloon.stalled || (!asked_now && !g->balloon.inflating))
        return 0;
    return u64_sub(g->seen.actual, asked_now ? v->to : g->balloon.target);
}

static uint64_t balloon_delivers(const struct policy *p, const struct policy_guest *g, usec_t in,
                                 usec_t now)
{
    uint64_t pending = balloon_pending(g);

    if (pending == 0 || guest_balloon_obstacle(g, now) != REASON_NONE)
        return 0;
    return u64_min(pending, rate_bytes(balloon_speed(p, g, now), in));
}

/* A pager that is so far behind does not bound its guest: it is slower than that grows. */
#define BEHIND_BYTES (4 * MIB)

/* A pager keeps its guest below its bound by itself; the kernel has to be asked again. */
uint64_t plan_guest_room(const struct policy_guest *g)
{
    const struct pager_observation *pager = &g->seen.pager;
    uint64_t holds = guest_holds(g);
    bool bounded =
        pager->present && !pager->kernel && u64_sub(holds, pager->allowed) <= BEHIND_BYTES;

    if (!g->seen.running)
        return 0;
    return u64_sub(bounded ? u64_min(pager->allowed, g->seen.size) : g->seen.size, holds);
}

uint64_t plan_guest_grows(const struct policy_guest *g, usec_t in)
{
    return u64_min(rate_bytes(g->intake.rate, in), plan_guest_room(g));
}

usec_t plan_time_left(const struct policy *p, uint64_t free_now)
{
    uint64_t mark = p->state + 1 < HOST_STATE_MAX ? host_state_mark(p->state + 1, p->minfree) : 0;

    return rate_usec(p->grows, u64_sub(free_now, mark));
}

static uint64_t excess_of(const struct policy_guest *g)
{
    return u64_sub(guest_holds(g), g->verdict.entitled + g->plan.credit);
}

/*
 * What has to be put out although there is no need for it yet, by @mark of free memory: what is
 * @needed within AHEAD_USEC, less what is free above the mark and what comes by itself.
 */
static uint64_t missing(const struct policy *p, uint64_t needed, uint64_t mark, uint64_t free_now,
                        usec_t now)
{
    uint64_t delivered = u64_sub(free_now, mark);

    for (size_t i = 0; i < p->n; i++) {
        const struct policy_guest *g = p->guests[i];
        uint64_t excess = u64_sub(guest_holds(g), g->verdict.entitled);

        if (p->state != HOST_HIGH && !p->wanting && guest_can_swap(g) &&
            guest_balloon_spent(g, now))
            delivered += u64_min(excess, rate_bytes(plan_swap_speed(p, g), AHEAD_USEC));
        else
            delivered += balloon_delivers(p, g, AHEAD_USEC, now);
    }
    return u64_sub(needed, delivered);
}

static void go_ahead(struct policy *p, uint64_t free_now, usec_t now)
{
    uint64_t grows = missing(p, p->grows, host_state_mark(HOST_HARD, p->minfree), free_now, now);
    uint64_t needed = u64_max(grows, missing(p, p->lacking, p->minfree, free_now, now)), sum = 0;

    if (needed == 0)
        return;
    for (size_t i = 0; i < p->n; i++)
        sum += guest_can_swap(p->guests[i]) ? excess_of(p->guests[i]) : 0;
    if (sum == 0)
        return;
    double part = needed < sum ? (double)needed / (double)sum : 1;

    for (size_t i = 0; i < p->n; i++)
        if (guest_can_swap(p->guests[i]))
            p->guests[i]->plan.ahead = (uint64_t)(part * (double)excess_of(p->guests[i]));
}

bool plan_outrun(const struct policy *p, uint64_t free_now)
{
    return p->state != HOST_HIGH &&
           p->grows > u64_sub(free_now, host_state_mark(HOST_HARD, p->minfree));
}

void plan_in_time(struct policy *p, uint64_t free_now, struct outlook *outlook)
{
    outlook->deadline =
        u64_clamp(plan_time_left(p, free_now), DEADLINE_MIN_USEC, DEADLINE_MAX_USEC);
    if (p->state != HOST_HIGH)
        learn_speeds(p);
    /* In state high nobody has to give; in low there is no time to wait for anybody. */
    bool credits = p->state != HOST_HIGH && p->state != HOST_LOW;

    for (size_t i = 0; i < p->n; i++) {
        struct policy_guest *g = p->guests[i];

        g->plan = (struct plan){
            .credit = credits ? balloon_delivers(p, g, outlook->deadline, outlook->now) : 0,
            .ceiling = ALLOWED_ANY,
        };
    }
    if (p->state == HOST_CLEAR || p->state == HOST_SOFT)
        go_ahead(p, free_now, outlook->now);
}
