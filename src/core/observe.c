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

/* A guest low on memory for so long that never paged out has nowhere to page to. */
#define SQUEEZED_USEC (10 * USEC_PER_SEC)

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

static uint64_t per_second(uint64_t before, uint64_t after, usec_t elapsed)
{
    if (before == GUEST_STAT_UNSET || after == GUEST_STAT_UNSET || after <= before || elapsed == 0)
        return 0;
    return (uint64_t)((double)(after - before) * (double)USEC_PER_SEC / (double)elapsed);
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

static void find_swap(struct policy_guest *g, usec_t now)
{
    if (g->settings.swap != GUEST_SWAP_UNKNOWN) {
        g->swap = g->settings.swap;
        return;
    }
    if (!guest_believed(g))
        return;
    if (g->stats.swap_out != GUEST_STAT_UNSET && g->stats.swap_out > 0) {
        g->swap = GUEST_SWAP_PRESENT;
        return;
    }
    if (g->stats.available >= guest_probe_step(g)) {
        g->squeezed_since = USEC_NEVER;
        return;
    }
    if (g->squeezed_since == USEC_NEVER)
        g->squeezed_since = now;
    if (now >= g->squeezed_since + SQUEEZED_USEC)
        g->swap = GUEST_SWAP_ABSENT;
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

/* Only what an emptier balloon could relieve is of interest here. */
static void find_distress(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    bool relievable = g->seen.actual < g->seen.size;
    unsigned distress = guest_believed(g) && relievable ? signs_of_distress(g, params) : 0;

    if (distress == 0)
        g->distress_since = USEC_NEVER;
    else if (g->distress == 0)
        g->distress_since = now;
    g->distress = distress;
}

static void follow_growth(struct policy_guest *g, uint64_t resident_before, usec_t elapsed)
{
    uint64_t rate = per_second(resident_before, g->seen.resident, elapsed);

    g->growth_rate = u64_max(rate, g->growth_rate / 2);
}

static void follow_loads(struct policy_guest *g, const struct pager_observation *before,
                         usec_t elapsed)
{
    const struct pager_observation *seen = &g->seen.pager;
    uint64_t rate =
        before->present && seen->present ? per_second(before->loaded, seen->loaded, elapsed) : 0;

    g->load_rate = u64_max(rate, g->load_rate / 2);
}

static void follow_visible_size(struct policy_guest *g, uint64_t actual_before, usec_t elapsed,
                                usec_t now)
{
    uint64_t rate = per_second(g->seen.actual, actual_before, elapsed);

    g->balloon.inflate_rate = u64_max(rate, g->balloon.inflate_rate / 2);
    if (g->seen.actual != actual_before)
        g->balloon.at_rest_since = now;
}

static struct guest_observation sane(const struct guest_observation *seen)
{
    struct guest_observation o = *seen;

    o.size = u64_clamp(o.size, 1, GUEST_SIZE_MAX);
    o.actual = o.balloon_device ? u64_min(o.actual, o.size) : o.size;
    o.resident = u64_min(o.resident, o.size);
    if (!o.pager.present)
        o.pager = (struct pager_observation){.allowed = ALLOWED_ANY};
    o.pager.out = u64_min(o.pager.out, o.size - o.resident);
    o.pager.cache = u64_min(o.pager.cache, o.size - o.resident); /* beyond it, it would not pay */
    o.pager.room = u64_min(o.pager.room, o.size);
    if (o.pager.permille > 1000 || o.pager.current_permille > 1000)
        o.pager.windows = 0;
    return o;
}

void guest_take_in(struct policy_guest *g, const struct policy_params *params,
                   const struct guest_observation *seen, usec_t now)
{
    bool first = g->seen_at == USEC_NEVER;
    uint64_t resident_before = g->seen.resident, actual_before = g->seen.actual;
    struct pager_observation pager_before = g->seen.pager;
    usec_t elapsed = first ? 0 : u64_sub(now, g->seen_at);

    g->seen = sane(seen);
    g->seen_at = now;
    g->balloon.target = u64_min(g->balloon.target, g->seen.size); /* memory was unplugged */
    if (first) {
        g->reserved = g->seen.size / 16;
        g->balloon.target = g->balloon.mark = g->seen.actual;
        g->balloon.at_rest_since = g->balloon.progress_at = now;
        g->stats_at = now;
    } else {
        follow_growth(g, resident_before, elapsed);
        follow_loads(g, &pager_before, elapsed);
        follow_visible_size(g, actual_before, elapsed, now);
    }
    if (!g->seen.running || !g->seen.reachable)
        g->stats_at += elapsed; /* nobody could have renewed them */
    take_stats(g, params, now);
    find_swap(g, now);
    balloon_follow(g, params, now);
    find_distress(g, params, now);
    guest_estimate_activity(g, params, now);
}
