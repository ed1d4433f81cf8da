/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: three witnesses speak of a guest. The host's own (resident size, visible size) cannot
 * lie. The balloon's movement shows what the guest was able to give. The guest's statistics are
 * believed only while they are fresh, consistent, and not refuted by the other two:
 * - memory that the guest has never touched is free to it, whatever it claims (resident is far
 *   below the visible size, the balloon at rest);
 * - memory that it called available, but that its balloon could not get, was not.
 */
#include "core/policy_guest.h"

/* Believable readings in a row before a guest that was caught is believed again. */
#define STATS_GOOD_MIN 3

/* The balloon rests if it has not moved for so long: host and guest figures are of one time. */
#define BALLOON_REST_USEC (3 * USEC_PER_SEC)

/* A large guest needs no larger part: what it is about to use is left to it besides. */
#define RESERVE_PART_MAX GIB

/*
 * A guest that uses more and more is left what it will use until the balloon could come back down:
 * a reading is up to two seconds old when it is acted upon, and deflation takes another.
 */
#define USE_HORIZON_SECONDS 3.0

/* Swap-in is counted in bytes, faults in pages of the guest. */
#define GUEST_PAGE UINT64_C(4096)

uint64_t guest_reserve(const struct policy_guest *g, const struct policy_params *params)
{
    uint64_t part = (uint64_t)(params->guest_reserve_part * (double)g->seen.size);

    return u64_max(params->guest_reserve, u64_min(part, RESERVE_PART_MAX));
}

uint64_t guest_about_to_use(const struct policy_guest *g)
{
    return u64_min((uint64_t)((double)g->use_rate * USE_HORIZON_SECONDS), g->seen.size / 2);
}

static bool rests(const struct policy_guest *g, usec_t now)
{
    return now >= g->balloon.at_rest_since + BALLOON_REST_USEC;
}

/* Statistics are polled once a second at most: a reading that comes sooner covers a second too. */
#define STATS_INTERVAL_MIN USEC_PER_SEC

/* By how much a counter of the guest's has advanced; 0 where that is not known. */
static uint64_t advanced(uint64_t before, uint64_t after)
{
    return before == GUEST_STAT_UNSET || after == GUEST_STAT_UNSET ? 0 : u64_sub(after, before);
}

static uint64_t per_second(uint64_t before, uint64_t after, usec_t elapsed)
{
    if (elapsed == 0)
        return 0;
    return (uint64_t)((double)advanced(before, after) * (double)USEC_PER_SEC / (double)elapsed);
}

/* Memory that was never touched is free: a guest that claims less available than that is not
 * believed. */
static bool contradicts_host(const struct policy_guest *g, usec_t now)
{
    uint64_t untouched = u64_sub(g->seen.actual, guest_touched(g));
    uint64_t slack = g->seen.size / 8;

    return rests(g, now) && g->stats.available != GUEST_STAT_UNSET &&
           g->stats.available + slack < untouched;
}

/*
 * A guest that was caught must give several good readings before it is believed again, and only
 * those count that could be held against the host's own figures.
 */
static enum stats_trust judge(struct policy_guest *g, const struct guest_stats *prev, usec_t now)
{
    bool was_caught =
        g->trust != STATS_FRESH && g->trust != STATS_ABSENT && g->trust != STATS_STALE;
    enum stats_trust trust = stats_judge(prev, &g->stats, g->seen.size);

    if (trust == STATS_FRESH && contradicts_host(g, now))
        trust = STATS_REFUTED;
    if (trust != STATS_FRESH) {
        g->stats_good = 0;
        return trust;
    }
    if (was_caught && !rests(g, now))
        return g->trust;
    g->stats_good++;
    return was_caught && g->stats_good < STATS_GOOD_MIN ? g->trust : STATS_FRESH;
}

static void take_rates(struct policy_guest *g, const struct guest_stats *prev, usec_t elapsed)
{
    const struct guest_stats *s = &g->stats;

    g->rates = (struct guest_rates){
        .swap_in = per_second(prev->swap_in, s->swap_in, elapsed),
        .swap_out = per_second(prev->swap_out, s->swap_out, elapsed),
        .major_faults = per_second(prev->major_faults, s->major_faults, elapsed),
        .direct_reclaims = per_second(prev->direct_reclaims, s->direct_reclaims, elapsed),
    };
}

/* What it has paged since @prev. */
static void take_paging(struct policy_guest *g, const struct guest_stats *prev)
{
    const struct guest_stats *s = &g->stats;

    guest_lose_to_own_paging(g, advanced(prev->major_faults, s->major_faults),
                             advanced(prev->swap_in, s->swap_in));
    g->double_paging.by_guest += advanced(prev->swap_out, s->swap_out);
}

/*
 * With deflate-on-oom the balloon counts as used and total stays; without, total shrinks. In both,
 * what is missing once the balloon is taken into account is the guest kernel's own.
 */
static void learn_reserved(struct policy_guest *g, usec_t now)
{
    const uint64_t total = g->stats.total;

    if (total == GUEST_STAT_UNSET || !rests(g, now))
        return;
    g->reserved = total > g->seen.actual ? u64_sub(g->seen.size, total) : g->seen.actual - total;
}

/* Resident bytes that the guest uses, by its own word; the pages of its kernel image included. */
static uint64_t used_by_stats(const struct policy_guest *g)
{
    uint64_t total = g->stats.total;
    uint64_t used = u64_sub(total, g->stats.available);

    if (total > g->stats_actual)
        used = u64_sub(used, u64_sub(g->seen.size, g->stats_actual));
    return used + g->reserved;
}

static void follow_use(struct policy_guest *g, usec_t elapsed)
{
    uint64_t before = g->used;

    g->used = used_by_stats(g);
    g->use_rate = u64_max(before ? per_second(before, g->used, elapsed) : 0, g->use_rate / 2);
}

static void take_stats(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    const struct guest_stats *s = &g->seen.stats;
    bool is_new = s->last_update != 0 && s->last_update != g->stats.last_update;

    if (is_new) {
        struct guest_stats prev = g->stats;
        usec_t elapsed = u64_max(u64_sub(now, g->stats_at), STATS_INTERVAL_MIN);

        g->stats = *s;
        g->stats_at = now;
        g->stats_actual = g->seen.actual;
        g->trust = judge(g, &prev, now);
        if (guest_believed(g)) {
            take_rates(g, &prev, elapsed);
            take_paging(g, &prev);
            learn_reserved(g, now);
            follow_use(g, elapsed);
        }
    } else if (s->last_update == 0 && g->stats.last_update == 0) {
        g->trust = STATS_ABSENT;
    } else if (now > g->stats_at + params->stats_stale_usec) {
        g->trust = STATS_STALE;
        g->stats_good = 0;
    }
    if (guest_believed(g) && now < g->refuted_until)
        g->trust = STATS_REFUTED;
    if (!guest_believed(g)) {
        g->rates = (struct guest_rates){0};
        g->used = g->use_rate = 0;
    }
}

uint64_t guest_available(const struct policy_guest *g)
{
    if (!guest_believed(g) || g->stats.available == GUEST_STAT_UNSET)
        return GUEST_STAT_UNSET;
    return u64_sub(g->stats.available, u64_sub(g->stats_actual, g->seen.actual));
}

uint64_t guest_spare(const struct policy_guest *g, const struct policy_params *params)
{
    uint64_t available = guest_available(g);

    return available == GUEST_STAT_UNSET
               ? available
               : u64_sub(available, guest_reserve(g, params) + guest_about_to_use(g));
}

/* Major faults that read files: what swap-in explains is left out. */
static uint64_t file_faults(const struct policy_guest *g)
{
    return u64_sub(g->rates.major_faults, g->rates.swap_in / GUEST_PAGE);
}

/*
 * Paging in with memory to spare is recovery, not distress; reading files again and again is
 * distress even so, because the cache that is thrashed counts as available.
 */
static unsigned signs_of_distress(const struct policy_guest *g, const struct policy_params *params)
{
    uint64_t reserve = guest_reserve(g, params);
    unsigned signs = 0;

    if (g->rates.swap_in >= params->distress_swap_in && g->stats.available < reserve)
        signs |= DISTRESS_SWAP_IN;
    if (file_faults(g) >= params->distress_faults)
        signs |= DISTRESS_MAJOR_FAULTS;
    if (g->stats.available < (reserve + guest_about_to_use(g)) / 2)
        signs |= DISTRESS_LOW_AVAILABLE;
    if (g->rates.direct_reclaims > 0)
        signs |= DISTRESS_DIRECT_RECLAIM;
    return signs;
}

/* Part of a guest's bound by which it may stay below and still press against it. */
#define PRESSES_DIVISOR 16

/* Waiting for pages is a sign only where a higher bound would spare it that: who fetches back what
 * was put out of him once recovers. */
static unsigned signs_of_waiting(const struct policy_guest *g, const struct policy_params *params)
{
    uint64_t allowed = g->seen.pager.allowed;
    unsigned signs = 0;

    if (!g->seen.pager.present || g->seen.pager.parked || allowed == ALLOWED_ANY ||
        guest_holds(g) < allowed - allowed / PRESSES_DIVISOR)
        return 0;
    if (g->lost.waiting >= params->distress_lost)
        signs |= DISTRESS_PAGING;
    if (g->lost.pressed >= params->distress_lost)
        signs |= DISTRESS_PRESSURE;
    return signs;
}

/* Only what an emptier balloon or a higher bound could relieve is of interest here. */
static void find_distress(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    bool relievable = g->seen.actual < g->seen.size;
    unsigned distress = guest_believed(g) && relievable ? signs_of_distress(g, params) : 0;

    distress |= signs_of_waiting(g, params);
    if (distress == 0)
        g->distress_since = USEC_NEVER;
    else if (g->distress == 0)
        g->distress_since = now;
    g->distress = distress;
}

static struct guest_observation sane(const struct guest_observation *seen)
{
    struct guest_observation o = *seen;

    o.size = u64_clamp(o.size, 1, GUEST_SIZE_MAX);
    o.actual = o.balloon_device ? u64_min(o.actual, o.size) : o.size;
    o.resident = u64_min(o.resident, o.size);
    if (!o.pager.present)
        o.pager = (struct pager_observation){.allowed = ALLOWED_ANY};
    o.saved = u64_min(o.saved, o.size - o.resident);
    o.pager.out = u64_min(o.pager.out, o.size - o.resident - o.saved);
    o.pager.cache = u64_min(o.pager.cache, o.size - o.resident); /* beyond it, it would not pay */
    o.pager.room = u64_min(o.pager.room, o.size);
    if (o.pager.permille > 1000 || o.pager.current_permille > 1000)
        o.pager.windows = 0;
    return o;
}

/* Of a look at memory alone, the rest is as it was. */
static void keep_the_rest(struct guest_observation *seen, const struct guest_observation *before)
{
    seen->balloon_device = before->balloon_device;
    seen->actual = before->balloon_device ? u64_min(before->actual, seen->size) : seen->size;
    seen->stats = before->stats;
}

/* What waits for the guest's doing waits longer by the time that it was held by us. */
static void pass_over_blocked(struct policy_guest *g, usec_t held)
{
    g->stats_at += held;
    g->balloon.progress_at += held;
    g->balloon.begun_at += held;
    if (g->squeezed_since != USEC_NEVER)
        g->squeezed_since += held;
}

static void begin_with(struct policy_guest *g, usec_t now)
{
    g->reserved = g->seen.size / 16;
    g->balloon.target = g->balloon.mark = g->seen.actual;
    g->balloon.at_rest_since = g->balloon.progress_at = now;
    g->stats_at = g->polled_at = g->futile_since = now;
    g->block.blocked_before = g->seen.blocked;
}

/* What the guest itself and its VMM say, as far as it is new. */
static void take_in_guest(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    take_stats(g, params, now);
    guest_find_swap(g, now);
    balloon_follow(g, params, now);
}

void guest_take_in(struct policy_guest *g, const struct policy_params *params,
                   const struct guest_observation *seen, usec_t now)
{
    bool first = g->seen_at == USEC_NEVER;
    const struct guest_observation before = g->seen;
    usec_t elapsed = first ? 0 : u64_sub(now, g->seen_at);

    g->seen = sane(seen);
    g->seen.partial = seen->partial && !first;
    if (g->seen.partial)
        keep_the_rest(&g->seen, &before);
    g->seen_at = now;
    g->balloon.target = u64_min(g->balloon.target, g->seen.size); /* memory was unplugged */
    if (first) {
        begin_with(g, now);
    } else {
        usec_t held = u64_min(u64_sub(g->seen.blocked, before.blocked), elapsed);

        guest_follow_memory(g, &before, elapsed - held);
        guest_follow_swap_speed(g, &before, elapsed);
        guest_follow_futility(g, &before, now);
        guest_lose_time(g, &before, elapsed);
        pass_over_blocked(g, held);
        block_follow(g, params, held, elapsed);
        g->polled_at += held;
        if (!g->seen.partial)
            guest_follow_balloon(g, before.actual, u64_sub(now, g->polled_at), now);
    }
    if (!g->seen.partial)
        g->polled_at = now;
    if (!g->seen.running || !g->seen.reachable)
        g->stats_at += elapsed; /* nobody could have renewed them */
    if (!g->seen.partial)
        take_in_guest(g, params, now);
    find_distress(g, params, now);
    guest_estimate_activity(g, params, now);
}
