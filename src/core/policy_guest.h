/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest inside the policy, and the steps that a decision takes with it. Private to core:
 * observe.c takes in what was seen, bounds.c says between which bounds the guest may hold memory,
 * balloon.c turns its entitlement into a balloon target, swap.c into what its pager lets it occupy,
 * policy.c puts them in order.
 */
#pragma once

#include "core/policy.h"
#include "core/waterfill.h"

/* A balloon moves in steps of at least this: below it is noise. */
#define BALLOON_STEP_MIN MIB

/* Sizes beyond this are taken for it, so that sums over any number of real guests fit 64 bits. */
#define GUEST_SIZE_MAX (UINT64_C(1) << 46)

struct guest_rates {
    uint64_t swap_in, swap_out, major_faults, direct_reclaims; /* per second */
};

struct balloon {
    enum balloon_driver driver;
    uint64_t target; /* guest-visible size last sent, or the size found at adoption */
    uint64_t mark;   /* visible size when it last made progress towards target */
    usec_t progress_at;
    usec_t begun_at;       /* when the inflation under way was first asked for */
    uint64_t inflate_rate; /* bytes/s by which it grows */
    usec_t at_rest_since;  /* visible size has not changed since */
    usec_t backoff;        /* length of the next pause; 0: none was needed yet */
    usec_t backoff_until;
    bool inflating; /* target is below the size at which it was sent, and not reached yet */
    bool stalled;   /* to be set back by the next decision */
};

struct policy_guest {
    size_t index; /* in its policy */
    void *owner;
    struct guest_settings settings;

    struct guest_observation seen;
    usec_t seen_at; /* USEC_NEVER: not yet */

    struct guest_stats stats; /* last reading that was new */
    usec_t stats_at;          /* when it came, less the time the guest was paused since */
    uint64_t stats_actual;    /* visible size when it came */
    unsigned stats_good;      /* believable readings in a row */
    enum stats_trust trust;
    usec_t refuted_until;
    uint64_t
        reserved; /* bytes of the visible size that the guest's kernel does not count in total */
    struct guest_rates rates;

    enum guest_swap swap;
    usec_t squeezed_since; /* low on available memory without ever paging out; USEC_NEVER: is not */

    struct activity activity;
    enum activity_source activity_source;
    uint64_t active;
    uint64_t growth_rate;     /* bytes/s of resident */
    uint64_t load_rate;       /* bytes/s that the pager brings back because they are touched */
    uint64_t windows;         /* of sampling, that were taken in */
    uint64_t window_resident; /* when the present one began */
    uint64_t used;            /* by its statistics; meaningless before the first believed ones */
    uint64_t use_rate;        /* bytes/s by which that grows */

    unsigned distress;
    usec_t distress_since;

    struct balloon balloon;
    bool released;

    struct verdict verdict;
};

/* What it occupies of the host, P: its resident memory and its compressed pages. */
static inline uint64_t guest_holds(const struct policy_guest *g)
{
    return g->seen.resident + g->seen.pager.cache;
}

/* Guest RAM that is in use as far as the host knows: resident, or put out by the pager. */
static inline uint64_t guest_touched(const struct policy_guest *g)
{
    return u64_min(g->seen.resident + g->seen.pager.out, g->seen.size);
}

static inline bool guest_believed(const struct policy_guest *g)
{
    return g->trust == STATS_FRESH;
}

/* estimate.c: g->active, from what else observe.c has taken in. */
void guest_estimate_activity(struct policy_guest *g, const struct policy_params *params,
                             usec_t now);

/* observe.c */
void guest_take_in(struct policy_guest *g, const struct policy_params *params,
                   const struct guest_observation *seen, usec_t now);

/* Available memory that a guest is left at any rate, and what it is about to use on top of that. */
uint64_t guest_reserve(const struct policy_guest *g, const struct policy_params *params);
uint64_t guest_about_to_use(const struct policy_guest *g);

/*
 * Memory that the guest says it could do without, less what the balloon took since it said so.
 * GUEST_STAT_UNSET where its statistics are not believed.
 */
uint64_t guest_available(const struct policy_guest *g);

/* The same less its reserve and what it is about to use. */
uint64_t guest_spare(const struct policy_guest *g, const struct policy_params *params);

/* bounds.c */
struct guest_bounds {
    uint64_t lo, hi;
    enum reason lo_reason; /* what makes lo what it is, for a guest that ends there */
    uint64_t visible; /* visible size that the balloon leaves it beyond its entitlement, because the
                         pager takes the rest; 0: there is none to do so */
    uint64_t vital;   /* visible size below which a guest without swap must fear its OOM killer */
    bool probe;       /* it may be asked for more than it has to spare, to see if it has swap */
};

/*
 * Whether a guest has swap of its own shows when it is asked for a little more than all that it has
 * available. That is done only where the host is in state hard and what all guests can spare does
 * not do (@needed): then somebody has to page, and better a guest than the host.
 */
bool guest_probe_swap(const struct policy_guest *g, enum host_state state, bool needed);
uint64_t guest_probe_step(const struct policy_guest *g);

/* May the balloon be asked to grow now? REASON_NONE, or what forbids it. */
enum reason guest_balloon_obstacle(const struct policy_guest *g, usec_t now);

/* The visible size at which the balloon is as large as it may get. */
uint64_t guest_balloon_cap(const struct policy_guest *g, const struct policy_params *params);
uint64_t guest_limit(const struct policy_guest *g);
uint64_t guest_shares(const struct policy_guest *g);

/* What a decision knows before it looks at the guests. */
struct outlook {
    enum host_state state;
    usec_t horizon; /* time until the next decision */
    usec_t now;
    bool probe; /* what the guests can spare is not enough */
};

struct guest_bounds guest_bounds(const struct policy_guest *g, const struct policy_params *params,
                                 const struct outlook *outlook);

/* balloon.c */

/* Follows what the balloon did since its target was sent: progress, arrival, stall. */
void balloon_follow(struct policy_guest *g, const struct policy_params *params, usec_t now);

/*
 * Fills in mechanism, from, to and reason of @g->verdict, whose figures are already there. @comfort
 * is the visible size that the guest may have beyond its entitlement, because nobody needs the
 * memory; 0: none.
 */
void balloon_decide(struct policy_guest *g, const struct policy_params *params,
                    const struct guest_bounds *bounds, uint64_t comfort, usec_t now);

/* swap.c */

/* Can its pager put pages out at all? And may it now? @obstacle: of its balloon. */
bool guest_can_swap(const struct policy_guest *g);
bool guest_swaps(const struct policy_guest *g, enum host_state state, enum reason obstacle);

/*
 * Fills in the pager's part of @g->verdict, after balloon_decide. @share is what the guest would be
 * entitled to if all wanted all they can have; meaningless in state high.
 */
void swap_decide(struct policy_guest *g, const struct guest_bounds *bounds, uint64_t share,
                 const struct outlook *outlook);

/* ration.c */

/*
 * Cuts the deflations of this decision down to @free_now bytes together. The arrays are parallel,
 * @split holds each guest's terms of the water-filling. Returns 0, or -ENOMEM.
 */
int ration_deflations(struct policy_guest *const *guests, const struct waterfill_guest *split,
                      const struct guest_bounds *bounds, size_t n, uint64_t free_now, double tax);
