/* SPDX-License-Identifier: Apache-2.0 */
/* All guests inside the policy, for the files that go over them: policy.c, split.c, plan.c, pace.c,
 * block.c and view.c. */
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
    /* Of the guests, in sum, kept up with each observation: */
    uint64_t held;
    uint64_t grows;                     /* what they take in PLAN_GROWS_USEC */
    uint64_t room;                      /* what they could still take */
    uint64_t balloon_speed, swap_speed; /* bytes/s, of guests of which it was not measured yet */
    uint64_t lacking;    /* what those who want for it are entitled to and do not hold */
    bool wanting;        /* state clear is only for their sake */
    bool scarce, plenty; /* pace.c: of what is free */
    bool blocking;       /* guests earn their being held */

    struct policy_guest **guests;
    struct waterfill_guest *split;   /* parallel to guests: the entitlements */
    struct waterfill_guest *comfort; /* parallel to guests: what they may see in state high, else
                                        what they may grow to */
    struct waterfill_guest
        *pace;                   /* parallel to guests: how far they may grow until the next look */
    struct guest_bounds *bounds; /* parallel to guests */
    uint64_t *scratch;           /* twice as long as guests */
    struct policy_guest **acted; /* those with something to do */
    size_t n, capacity, n_acted;
};

/*
 * Sets bounds, split and comfort of all guests from what may be handed out. Returns 0, or -ENOMEM.
 */
int policy_split(struct policy *p, struct outlook *outlook);

uint64_t policy_host_free(const struct policy *p);

/* --- plan.c --- */

/* What the balloons deliver in time, and what has to be put out ahead of state hard; after
 * balloon_decide for all. Sets each guest's plan, and the outlook's deadline. */
void plan_in_time(struct policy *p, uint64_t free_now, struct outlook *outlook);

/* Would growth alone bring the host into state hard before anything is done about it? */
bool plan_outrun(const struct policy *p, uint64_t free_now);

/* Bytes per second that can be put out of it. */
uint64_t plan_swap_speed(const struct policy *p, const struct policy_guest *g);

/* Bytes that the guest takes in the time from now on, as far as nothing keeps it from that; of all
 * guests in PLAN_GROWS_USEC that is policy.grows. */
#define PLAN_GROWS_USEC USEC_PER_SEC
uint64_t plan_guest_grows(const struct policy_guest *g, usec_t in);

/* Bytes that it could still take, if it runs and nothing but its bound keeps it from that. */
uint64_t plan_guest_room(const struct policy_guest *g);

/* Until the host reaches its next worse state (in the worst: until nothing is left), if the guests
 * go on as they do; USEC_NEVER. */
usec_t plan_time_left(const struct policy *p, uint64_t free_now);

/* --- pace.c --- */

/* Sets the ceilings in the guests' plans. Returns 0, or -ENOMEM. */
int pace_decide(struct policy *p, uint64_t free_now);

/* --- block.c --- */

/* Fills in blocking in the verdicts, after swap_decide for all. */
void block_decide(struct policy *p, uint64_t free_now, usec_t now);
