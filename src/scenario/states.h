/* SPDX-License-Identifier: Apache-2.0 */
/* The host's states over a run: from the daemon's events, which miss none, and from the samples. */
#pragma once

#include "scenario/record.h"

struct state_change {
    double t;
    enum host_state state;
};

/* All that were seen, in order of time; none is the same as the one before it. g_array_unref() it.
 */
GArray *states_of(const struct record *r);

/* The state in force at @t; HOST_STATE_MAX before the first. */
enum host_state states_at(const GArray *states, double t);

/* Was one of @mask (1 << state) in force at some time of the window? */
bool states_in_force(const GArray *states, unsigned mask, double from, double to);

static inline const struct state_change *states_get(const GArray *states, unsigned i)
{
    return &g_array_index(states, struct state_change, i);
}
