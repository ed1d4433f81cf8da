/* SPDX-License-Identifier: Apache-2.0 */
#include "core/activity.h"

#include <assert.h>

static const char *const source_names[] = {
    [ACTIVITY_UNKNOWN] = "unknown",
    [ACTIVITY_STATS] = "stats",
    [ACTIVITY_SAMPLED] = "sampled",
};
static_assert(sizeof(source_names) / sizeof(*source_names) == ACTIVITY_SOURCE_MAX,
              "a name per source");

const char *activity_source_name(enum activity_source source)
{
    assert(source < ACTIVITY_SOURCE_MAX);
    return source_names[source];
}

/*
 * dt / (tau + dt) instead of 1 - exp(-dt/tau): the same for short windows, monotone, never above 1,
 * and exact arithmetic on every machine, so that a simulated run repeats to the bit.
 */
static double step_weight(usec_t dt, usec_t tau)
{
    return (double)dt / ((double)tau + (double)dt);
}

void activity_observe(struct activity *a, const struct activity_params *params, uint64_t active,
                      usec_t now)
{
    assert(params->fast_usec > 0 && params->slow_usec > 0);

    if (!a->known) {
        *a = (struct activity){.slow = (double)active,
                               .fast = (double)active,
                               .current = active,
                               .last = now,
                               .known = true};
        return;
    }
    usec_t dt = u64_sub(now, a->last);

    a->slow += ((double)active - a->slow) * step_weight(dt, params->slow_usec);
    a->fast += ((double)active - a->fast) * step_weight(dt, params->fast_usec);
    a->current = active;
    a->last = now;
}

uint64_t activity_estimate(const struct activity *a)
{
    if (!a->known)
        return 0;
    return u64_max(a->current, (uint64_t)(a->slow > a->fast ? a->slow : a->fast));
}
