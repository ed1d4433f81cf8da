/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a decision is one pass of six steps over all guests.
 *   1. the host's state follows from what is free of its capacity (hoststate.c);
 *   2. each guest gets bounds lo..hi (bounds.c), from what observe.c knows of it;
 *   3. what may be handed out, capacity less minfree less a margin, is split among them by shares
 *      with the idle memory tax (split.c, waterfill.c): the entitlements;
 *   4. each entitlement becomes a balloon target (balloon.c), or a reason why not; what the
 *      balloons do not deliver in time (plan.c) is put out (swap.c), and where little is free
 *      nobody may grow by more than his part of it (pace.c);
 *   5. deflations are rationed to what is really free, most entitled first (ration.c);
 *   6. in state low, where all of this does not suffice, guests above their target are held for
 *      moments (block.c).
 *
 * In state high there is a second split, of what nobody needs: it empties balloons, so that comfort
 * never stands in the way of need, and nothing is withheld while it lies idle.
 *
 * Reclaim follows shortage, not entitlement: while the host is in state high nobody's balloon
 * grows, however far the guest is above its share, and free memory goes back to ballooned guests.
 *
 * The margin keeps the host from settling exactly on the mark: the state turns high again only
 * minfree/HOST_STATE_HYSTERESIS above minfree, so reclaim must aim above that.
 */
#include "core/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/policy_impl.h"

/* Part of minfree by which the split stays below capacity - minfree. */
#define MARGIN_DIVISOR 8
static_assert(MARGIN_DIVISOR < HOST_STATE_HYSTERESIS, "reclaim aims above the mark of state high");

/* Time until the next decision is taken from the last interval, within reason. */
#define HORIZON_MIN_USEC     USEC_PER_SEC
#define HORIZON_MAX_USEC     (15 * USEC_PER_SEC)
#define HORIZON_DEFAULT_USEC (2 * USEC_PER_SEC)

/* While a guest suffers, what is newly seen of it is decided upon at this pace: what could not be
 * given a moment ago may have become free. */
#define DISTRESS_PACE_USEC (500 * USEC_PER_MSEC)

/* In the worst states what is newly seen is decided upon at this pace, whatever it is. */
static const usec_t pace_of_state[] = {
    [HOST_HIGH] = USEC_NEVER / 2,     [HOST_CLEAR] = USEC_NEVER / 2,
    [HOST_SOFT] = USEC_NEVER / 2,     [HOST_HARD] = 500 * USEC_PER_MSEC,
    [HOST_LOW] = 200 * USEC_PER_MSEC,
};
static_assert(sizeof(pace_of_state) / sizeof(*pace_of_state) == HOST_STATE_MAX, "one per state");

/* And at this one, where the guests grow so fast that pages have to be put out ahead of them. */
#define OUTRUN_PACE_USEC (250 * USEC_PER_MSEC)

/* What is free is dealt out anew at this pace. */
#define DEALING_PACE_USEC (100 * USEC_PER_MSEC)

/* Guests are looked at so often in the time until the host gets worse. */
#define LOOK_DIVISOR 4

/* Bytes per second by which guests at rest may begin to grow together, and the time that it then
 * takes until something is done about it. */
#define SUDDEN_GROWTH (256 * MIB)
#define REACTION_USEC (150 * USEC_PER_MSEC)

struct policy_params policy_params_default(void)
{
    return (struct policy_params){
        .idle_tax = 0.75,
        .minfree = 0,
        .balloon_max = 0.65,
        .activity = {.fast_usec = 2 * USEC_PER_SEC, .slow_usec = 8 * USEC_PER_SEC},
        .sampled = {.fast_usec = 15 * USEC_PER_SEC, .slow_usec = 60 * USEC_PER_SEC},
        .stats_stale_usec = 10 * USEC_PER_SEC,
        .stall_usec = 3 * USEC_PER_SEC,
        .stall_backoff_usec = 10 * USEC_PER_SEC,
        .stall_backoff_max_usec = 600 * USEC_PER_SEC,
        .growth_floor = 4 * MIB,
        .guest_reserve = 32 * MIB,
        .guest_reserve_part = 0.1,
        .distress_swap_in = 512 * KIB,
        .distress_faults = 100,
        .distress_lost = 0.2,
        .block = true,
        .block_slice_usec = 500 * USEC_PER_MSEC,
        .block_part = 0.5,
    };
}

struct policy *policy_new(const struct policy_params *params)
{
    struct policy *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->params = *params;
    p->decided_at = USEC_NEVER;
    return p;
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->guests[i]);
    free(p->guests);
    free(p->split);
    free(p->comfort);
    free(p->pace);
    free(p->scratch);
    free(p->bounds);
    free(p->acted);
    free(p);
}

void policy_set_params(struct policy *p, const struct policy_params *params)
{
    p->params = *params;
}

static bool grow_array(void **array, size_t count, size_t element)
{
    void *grown = reallocarray(*array, count, element);

    if (grown)
        *array = grown;
    return grown != NULL;
}

static bool make_room(struct policy *p)
{
    if (p->n < p->capacity)
        return true;
    size_t wanted = p->capacity ? 2 * p->capacity : 16;

    if (!grow_array((void **)&p->guests, wanted, sizeof(struct policy_guest *)) ||
        !grow_array((void **)&p->split, wanted, sizeof(*p->split)) ||
        !grow_array((void **)&p->comfort, wanted, sizeof(*p->comfort)) ||
        !grow_array((void **)&p->pace, wanted, sizeof(*p->pace)) ||
        !grow_array((void **)&p->scratch, 2 * wanted, sizeof(*p->scratch)) ||
        !grow_array((void **)&p->bounds, wanted, sizeof(*p->bounds)) ||
        !grow_array((void **)&p->acted, wanted, sizeof(struct policy_guest *)))
        return false;
    p->capacity = wanted;
    return true;
}

struct policy_guest *policy_guest_add(struct policy *p, const struct guest_settings *settings,
                                      usec_t now)
{
    if (!make_room(p))
        return NULL;
    struct policy_guest *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->index = p->n;
    g->settings = *settings;
    g->seen_at = USEC_NEVER;
    g->stats = GUEST_STATS_NONE;
    g->squeezed_since = g->distress_since = USEC_NEVER;
    g->verdict.at = now;
    p->guests[p->n++] = g;
    return g;
}

static void count_out(struct policy *p, const struct policy_guest *g)
{
    p->held -= guest_holds(g);
    p->grows -= plan_guest_grows(g, PLAN_GROWS_USEC);
    p->room -= plan_guest_room(g);
}

static void count_in(struct policy *p, const struct policy_guest *g)
{
    p->held += guest_holds(g);
    p->grows += plan_guest_grows(g, PLAN_GROWS_USEC);
    p->room += plan_guest_room(g);
}

void policy_guest_remove(struct policy *p, struct policy_guest *g)
{
    count_out(p, g);
    p->n--;
    p->guests[g->index] = p->guests[p->n];
    p->guests[g->index]->index = g->index;
    p->n_acted = 0; /* the last decision is no longer to be acted upon */
    free(g);
}

void policy_guest_configure(struct policy_guest *g, const struct guest_settings *settings)
{
    if (settings->swap != g->settings.swap)
        g->swap = settings->swap; /* else what was found out stays */
    g->settings = *settings;
}

void policy_guest_release(struct policy_guest *g)
{
    g->released = true;
}

/* Capacity as far as the host itself confirms it. */
static uint64_t usable_capacity(const struct policy *p)
{
    uint64_t used = p->held + p->host.other;

    if (p->host.free_measured == UINT64_MAX)
        return p->host.capacity;
    return u64_min(p->host.capacity, used + u64_min(p->host.free_measured, p->host.capacity));
}

uint64_t policy_host_free(const struct policy *p)
{
    return u64_sub(usable_capacity(p), p->held + p->host.other);
}

bool policy_guest_observe(struct policy *p, struct policy_guest *g,
                          const struct guest_observation *seen, usec_t now)
{
    bool suffered = g->distress != 0, had_stalled = g->balloon.stalled;

    count_out(p, g);
    guest_take_in(g, &p->params, seen, now);
    count_in(p, g);
    if (!p->host_seen)
        return false;
    bool worse = host_state_next(p->state, policy_host_free(p), p->minfree) > p->state;
    bool suffers = g->distress && (!suffered || now >= p->decided_at + DISTRESS_PACE_USEC);
    bool overdue = now >= p->decided_at + pace_of_state[p->state] ||
                   (now >= p->decided_at + OUTRUN_PACE_USEC && plan_outrun(p, policy_host_free(p)));

    return suffers || (g->balloon.stalled && !had_stalled) || worse || overdue ||
           (pace_runs_out(g) && now >= p->decided_at + DEALING_PACE_USEC);
}

/*
 * Guests that are at rest can begin to grow at any time. They must be seen to before they have
 * taken what is free, and as much as minfree besides.
 */
static usec_t until_surprised(const struct policy *p)
{
    uint64_t free_now = policy_host_free(p);

    if (p->room <= free_now)
        return USEC_NEVER;
    return u64_sub(rate_usec(SUDDEN_GROWTH, free_now + p->minfree), REACTION_USEC);
}

usec_t policy_guest_look_in(const struct policy *p, const struct policy_guest *g, usec_t least,
                            usec_t most)
{
    usec_t left = plan_time_left(p, policy_host_free(p));
    usec_t look = u64_min(left / LOOK_DIVISOR, pace_of_state[p->state] / 2);

    if (!p->host_seen)
        return most;
    look = u64_min(look, until_surprised(p));
    if (g)
        look = u64_min(look, pace_lasts(g) / LOOK_DIVISOR);
    return u64_clamp(look, least, most);
}

usec_t policy_look_in(const struct policy *p, usec_t least, usec_t most)
{
    usec_t look = policy_guest_look_in(p, NULL, least, most);

    for (size_t i = 0; i < p->n; i++)
        look = u64_min(look, u64_max(least, pace_lasts(p->guests[i]) / LOOK_DIVISOR));
    return look;
}

void policy_guest_target_sent(struct policy_guest *g, uint64_t target, usec_t now)
{
    struct balloon *b = &g->balloon;

    if (target >= g->seen.actual || b->target >= g->seen.actual)
        b->progress_at = now; /* a new movement begins */
    if (target >= g->seen.actual || !b->inflating)
        b->begun_at = now;
    b->inflating = target < g->seen.actual;
    b->target = target;
    b->mark = g->seen.actual;
    b->stalled = false;
}

void policy_host_seen(struct policy *p, const struct host_observation *host)
{
    p->host = *host;
}

static void see_host(struct policy *p, const struct host_observation *host, usec_t now)
{
    p->host = *host;
    p->minfree = p->params.minfree ? u64_min(p->params.minfree, host->capacity)
                                   : host_minfree(host->capacity);
    enum host_state state = host_state_next(p->state, policy_host_free(p), p->minfree);

    p->wanting = state == HOST_HIGH && p->lacking > u64_sub(policy_host_free(p), p->minfree);
    if (p->wanting)
        state = HOST_CLEAR;
    if (state != p->state || !p->host_seen)
        p->state_since = now;
    p->state = state;
    p->host_seen = true;
    p->available =
        u64_sub(usable_capacity(p), host->other + p->minfree + p->minfree / MARGIN_DIVISOR);
}

/* What it lacks is made free for it as fast as it takes it, and not sooner. */
#define LACK_USEC (3 * USEC_PER_SEC)

/*
 * Does it want for what it does not get? Then what is free says nothing of how short memory is:
 * those who are above their entitlement have it.
 */
static uint64_t lack_of(const struct policy_guest *g)
{
    bool hidden = g->seen.actual < g->seen.size && guest_is_full(g);
    uint64_t soon =
        u64_max(g->seen.size / 64, rate_bytes(u64_max(g->loads.rate, g->intake.rate), LACK_USEC));

    if (!g->distress && !hidden)
        return 0;
    return u64_min(u64_sub(g->verdict.entitled, guest_holds(g)), soon);
}

static void see_lack(struct policy *p)
{
    p->lacking = 0;
    for (size_t i = 0; i < p->n; i++)
        p->lacking += lack_of(p->guests[i]);
}

static usec_t horizon(const struct policy *p, usec_t now)
{
    if (p->decided_at == USEC_NEVER)
        return HORIZON_DEFAULT_USEC;
    return u64_clamp(u64_sub(now, p->decided_at), HORIZON_MIN_USEC, HORIZON_MAX_USEC);
}

static struct verdict figures(const struct policy *p, const struct policy_guest *g, usec_t now)
{
    const struct waterfill_guest *s = &p->split[g->index];
    bool believed = g->trust == STATS_FRESH;

    return (struct verdict){
        .at = now,
        .state = p->state,
        .host_free = policy_host_free(p),
        .host_minfree = p->minfree,
        .host_available = p->available,
        .size = g->seen.size,
        .resident = g->seen.resident,
        .actual = g->seen.actual,
        .active = g->active,
        .entitled = s->target,
        .lo = s->lo,
        .hi = s->hi,
        .guest_available = believed ? g->stats.available : GUEST_STAT_UNSET,
        .distress = g->distress,
        .swap = g->swap,
        .allowed = ALLOWED_ANY,
        .allowed_before = ALLOWED_ANY,
        .out = g->seen.pager.out,
        .cache = g->seen.pager.cache,
    };
}

static void collect_acted(struct policy *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct verdict *v = &p->guests[i]->verdict;

        if (v->mechanism != MECHANISM_NONE || v->allow || v->block > 0)
            p->acted[p->n_acted++] = p->guests[i];
    }
}

int policy_decide(struct policy *p, const struct host_observation *host, usec_t now)
{
    p->n_acted = 0;
    see_host(p, host, now);
    struct outlook outlook = {
        .state = p->state, .horizon = horizon(p, now), .now = now, .wanting = p->wanting};
    int r = policy_split(p, &outlook);
    if (r < 0)
        return r;
    uint64_t free_now = policy_host_free(p);

    for (size_t i = 0; i < p->n; i++) {
        struct policy_guest *g = p->guests[i];

        g->verdict = figures(p, g, now);
        balloon_decide(g, &p->params, &p->bounds[i],
                       p->state == HOST_HIGH ? p->comfort[i].target : 0, now);
    }
    plan_in_time(p, free_now, &outlook);
    r = pace_decide(p, free_now);
    if (r < 0)
        return r;
    for (size_t i = 0; i < p->n; i++)
        swap_decide(p->guests[i], &p->bounds[i], p->comfort[i].target, &outlook);
    r = ration_deflations(p->guests, p->split, p->bounds, p->n, free_now, p->params.idle_tax);
    if (r < 0)
        return r;
    block_decide(p, free_now, now);
    see_lack(p);
    collect_acted(p);
    p->decided_at = now;
    return 0;
}

struct policy_guest *policy_decision(const struct policy *p, size_t i)
{
    return i < p->n_acted ? p->acted[i] : NULL;
}

void policy_guest_set_owner(struct policy_guest *g, void *owner)
{
    g->owner = owner;
}

void *policy_guest_owner(const struct policy_guest *g)
{
    return g->owner;
}
