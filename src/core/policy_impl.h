/* SPDX-License-Identifier: Apache-2.0 */
/* All guests inside the policy, for the files that go over them: policy.c and split.c. */
#pragma once

#include "core/policy_guest.h"
#include "core/waterfill.h"

struct policy {
    struct policy_params params;
    struct host_observation host;
    bool host_seen;
    enum host_state state;
    usec_t state_since;
    usec_t decided_at; /* USEC_NEVER: not yet */
    uint64_t minfree, available;
    uint64_t held; /* by the guests, in sum */

    struct policy_guest **guests;
    struct waterfill_guest *split;   /* parallel to guests: the entitlements */
    struct waterfill_guest *comfort; /* parallel to guests: what they may see in state high, else
                                        what they may grow to */
    struct guest_bounds *bounds;     /* parallel to guests */
    struct policy_guest **acted;     /* those with something to do */
    size_t n, capacity, n_acted;
};

/*
 * Sets bounds, split and comfort of all guests from what may be handed out. Returns 0, or -ENOMEM.
 */
int policy_split(struct policy *p, struct outlook *outlook);
