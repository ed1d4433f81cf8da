/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: what the guest writes is evidence, not truth. A reading is refused as a whole where one
 * value cannot be (absurd) or where values exclude each other (contradictory), because a guest that
 * gets one of them wrong cannot be trusted with the others. Values that were not sent exclude
 * nothing. A guest that reboots starts all its counters anew; that is no contradiction.
 */
#include "core/stats.h"

#include <assert.h>

static const char *const trust_names[] = {
    [STATS_ABSENT] = "absent",
    [STATS_FRESH] = "fresh",
    [STATS_STALE] = "stale",
    [STATS_ABSURD] = "absurd",
    [STATS_CONTRADICTORY] = "contradictory",
    [STATS_REFUTED] = "refuted",
};
static_assert(sizeof(trust_names) / sizeof(*trust_names) == STATS_TRUST_MAX, "a name per trust");

const struct guest_stats GUEST_STATS_NONE = {
    .last_update = 0,
    .total = GUEST_STAT_UNSET,
    .free = GUEST_STAT_UNSET,
    .available = GUEST_STAT_UNSET,
    .caches = GUEST_STAT_UNSET,
    .swap_in = GUEST_STAT_UNSET,
    .swap_out = GUEST_STAT_UNSET,
    .major_faults = GUEST_STAT_UNSET,
    .minor_faults = GUEST_STAT_UNSET,
    .oom_kills = GUEST_STAT_UNSET,
    .alloc_stalls = GUEST_STAT_UNSET,
    .direct_reclaims = GUEST_STAT_UNSET,
};

const char *stats_trust_name(enum stats_trust trust)
{
    assert(trust < STATS_TRUST_MAX);
    return trust_names[trust];
}

static bool is_set(uint64_t value)
{
    return value != GUEST_STAT_UNSET;
}

static bool exceeds(uint64_t value, uint64_t bound)
{
    return is_set(value) && is_set(bound) && value > bound;
}

static bool absurd(const struct guest_stats *s, uint64_t size)
{
    /* No counter of bytes paged by a guest of this age comes near 2^63. */
    const uint64_t counter_max = UINT64_C(1) << 63;

    return s->total == 0 || exceeds(s->total, size) || exceeds(s->free, size) ||
           exceeds(s->available, size) || exceeds(s->caches, size) ||
           exceeds(s->swap_in, counter_max) || exceeds(s->swap_out, counter_max) ||
           exceeds(s->major_faults, counter_max) || exceeds(s->minor_faults, counter_max);
}

static bool excludes_itself(const struct guest_stats *s)
{
    return exceeds(s->free, s->total) || exceeds(s->available, s->total) ||
           exceeds(s->caches, s->total);
}

/* -1: ran backwards, 1: advanced, 0: equal or not known. */
static int counter_moved(uint64_t before, uint64_t now)
{
    if (!is_set(before) || !is_set(now) || before == now)
        return 0;
    return now < before ? -1 : 1;
}

/* After a reboot every counter restarts; where some fall and others rise, somebody invents them. */
static bool counters_disagree(const struct guest_stats *before, const struct guest_stats *now)
{
    const int moved[] = {
        counter_moved(before->swap_in, now->swap_in),
        counter_moved(before->swap_out, now->swap_out),
        counter_moved(before->major_faults, now->major_faults),
        counter_moved(before->minor_faults, now->minor_faults),
    };
    bool back = false, forth = false;

    for (unsigned i = 0; i < sizeof(moved) / sizeof(*moved); i++) {
        back = back || moved[i] < 0;
        forth = forth || moved[i] > 0;
    }
    return back && forth;
}

enum stats_trust stats_judge(const struct guest_stats *prev, const struct guest_stats *now,
                             uint64_t size)
{
    if (now->last_update == 0)
        return STATS_ABSENT;
    if (absurd(now, size))
        return STATS_ABSURD;
    if (excludes_itself(now))
        return STATS_CONTRADICTORY;
    if (prev && prev->last_update != 0 && counters_disagree(prev, now))
        return STATS_CONTRADICTORY;
    return STATS_FRESH;
}
