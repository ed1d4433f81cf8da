/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hoststate.h"

#include <assert.h>
#include <stddef.h>

#include "core/units.h"

static const char *const state_names[] = {
    [HOST_HIGH] = "high", [HOST_CLEAR] = "clear", [HOST_SOFT] = "soft",
    [HOST_HARD] = "hard", [HOST_LOW] = "low",
};
static_assert(sizeof(state_names) / sizeof(*state_names) == HOST_STATE_MAX, "a name per state");

/* A state is entered when free memory falls below this percentage of minfree. */
static const unsigned mark_percent[] = {
    [HOST_HIGH] = 0, [HOST_CLEAR] = 100, [HOST_SOFT] = 64, [HOST_HARD] = 32, [HOST_LOW] = 16,
};
static_assert(sizeof(mark_percent) / sizeof(*mark_percent) == HOST_STATE_MAX, "a mark per state");

const char *host_state_name(enum host_state state)
{
    assert(state < HOST_STATE_MAX);
    return state_names[state];
}

uint64_t host_minfree(uint64_t capacity)
{
    static const struct {
        uint64_t upto;
        unsigned percent;
    } tiers[] = {{4 * GIB, 6}, {12 * GIB, 4}, {28 * GIB, 2}, {UINT64_MAX, 1}};
    uint64_t below = 0, minfree = 0;

    for (size_t i = 0; i < sizeof(tiers) / sizeof(*tiers) && capacity > below; i++) {
        uint64_t tier = u64_min(capacity, tiers[i].upto) - below;

        minfree += tier / 100 * tiers[i].percent + tier % 100 * tiers[i].percent / 100;
        below = tiers[i].upto;
    }
    return minfree;
}

uint64_t host_state_mark(enum host_state state, uint64_t minfree)
{
    assert(state < HOST_STATE_MAX);
    return minfree / 100 * mark_percent[state] + minfree % 100 * mark_percent[state] / 100;
}

uint64_t host_state_way_out(enum host_state state, uint64_t minfree)
{
    assert(state > HOST_HIGH);
    return host_state_mark(state, minfree) + minfree / HOST_STATE_HYSTERESIS;
}

enum host_state host_state_next(enum host_state before, uint64_t free, uint64_t minfree)
{
    enum host_state state = HOST_HIGH;

    assert(before < HOST_STATE_MAX);
    while (state + 1 < HOST_STATE_MAX && free < host_state_mark(state + 1, minfree))
        state++;
    /* Better than before: climb only past those marks that are exceeded by the margin. */
    while (state < before) {
        enum host_state worse = state + 1;

        if (free >= host_state_way_out(worse, minfree))
            break;
        state = worse;
    }
    return state;
}
