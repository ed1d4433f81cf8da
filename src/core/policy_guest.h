/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest inside the policy, and the steps that a decision takes with it. Private to core:
 * observe.c takes in what was seen (follow.c, rates.c: how fast; guest_swap.c: its own swap;
 * lost.c: the time it lost), bounds.c says between which bounds the guest may hold memory,
 * balloon.c turns its entitlement into a balloon target, plan.c says what the balloons deliver in
 * time and pace.c how far guests may grow until the next look, swap.c makes of it what a pager lets
 * its guest occupy, block.c who is held, policy.c puts them in order.
 */
#pragma once

#include "core/policy.h"
#include "core/rates.h"
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
    usec_t begun_at;      /* when the inflation under way was first asked for */
    struct meter inflow;  /* bytes/s by which it grows now */
    struct speed speed;   /* bytes/s by which it grows when it is asked to */
    usec_t at_rest_since; /* visible size has not changed since */
    usec_t backoff;       /* length of the next pause; 0: none was needed yet */
    usec_t backoff_until;
    bool inflating; /* target is below the size at which it was sent, and not reached yet */
    bool stalled;   /* to be set back by the next decision */
};

/* plan.c and pace.c, for the decision that is being made. Bytes. */
struct plan {
    uint64_t credit;   /* its balloon gives so much in time */
    uint64_t ahead;    /* is put out of it although the host is not yet in state hard */
    uint64_t ceiling;  /* it may occupy so much until the next look; ALLOWED_ANY */
    uint64_t headroom; /* of that, what it did not hold */
};

/* block.c */
struct block {
    double owed;           /* microseconds, so far */
    usec_t blocked_before; /* that it was held before it took part */
    double rest;           /* microseconds that it has to run before it may be held again */
    usec_t free_at;        /* not before that either: what was ordered is not seen at once */
};

struct policy_guest {
    size_t index; /* in its policy */
    void *owner;
    struct guest_settings settings;

    struct guest_observation seen;
    usec_t seen_at;   /* USEC_NEVER: not yet */
    usec_t polled_at; /* the same of the last that was not partial */

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
    usec_t squeezed_since; /* low on available memory without paging out; USEC_NEVER: is not */
    uint64_t swap_seen;    /* bytes: most that it was seen to have in its own swap */
    uint64_t short_at;     /* what it had there when it was found to be short */
    struct double_paging {
        uint64_t by_vmm;   /* bytes that were out and its VMM read for the guest's own I/O */
        uint64_t by_guest; /* bytes that it paged out meanwhile, by its believed statistics */
    } double_paging;

    struct activity activity;
    struct activity raised; /* by distress, above what was sampled */
    enum activity_source activity_source;
    uint64_t active;
    struct meter growth;      /* bytes/s of resident */
    struct meter loads;       /* bytes/s that the pager brings back because they are touched */
    struct meter intake;      /* bytes/s that it takes, what is put out of it meanwhile included */
    struct speed swap_speed;  /* bytes/s that are put out of it when it is asked for */
    usec_t futile_since;      /* nothing is put out of it though it should be; else: now */
    uint64_t windows;         /* of sampling, that were taken in */
    uint64_t window_resident; /* when the present one began */
    usec_t window_at;         /* then */
    usec_t window_lost;       /* that it had lost by then, waiting for memory */
    uint64_t used;            /* by its statistics; meaningless before the first believed ones */
    uint64_t use_rate;        /* bytes/s by which that grows */

    unsigned distress;
    usec_t distress_since;

    struct balloon balloon;
    bool released;
    struct lost {
        usec_t by[LOST_BY_MAX];  /* so far */
        usec_t not_shown;        /* of these, not in @part yet */
        double part;             /* of the last seconds, of one processor's time */
        double waiting, pressed; /* the same of pages that are brought back, and by its PSI, over
                                    the last moments */
    } lost;
    struct plan plan;
    bool paced; /* by the last decision: nothing but its pace bounds it */
    struct block block;

    struct verdict verdict;
};

/* What it occupies of the host, P: its resident memory and its compressed pages. */
static inline uint64_t guest_holds(const struct policy_guest *g)
{
    return g->seen.resident + g->seen.pager.cache;
}

/* What it may occupy before it counts as above its target. */
static inline uint64_t verdict_target(const struct verdict *v)
{
    return u64_max(v->entitled, v->allowed == ALLOWED_ANY ? 0 : v->allowed);
}

/* Guest RAM that is in use as far as the host knows: resident, merged with other pages, or put out
 * by the pager. */
static inline uint64_t guest_touched(const struct policy_guest *g)
{
    return u64_min(g->seen.resident + g->seen.saved + g->seen.pager.out, g->seen.size);
}

/* Counters of its pager go on since @before. */
static inline bool guest_pager_stays(const struct policy_guest *g,
                                     const struct guest_observation *before)
{
    return before->pager.present && g->seen.pager.present &&
           before->pager.kernel == g->seen.pager.kernel;
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

/* guest_swap.c: finds out whether it has swap of its own. */
void guest_find_swap(struct policy_guest *g, usec_t now);

/* May it have swap, as far as is known? */
static inline bool guest_swap_hoped(const struct policy_guest *g)
{
    return g->swap == GUEST_SWAP_UNKNOWN || g->swap == GUEST_SWAP_PRESENT;
}

/*
 * May it be made to page out? One whose swap is full only where the host has no means of its own:
 * then somebody has to, and it may yet find room.
 */
bool guest_pages_itself(const struct policy_guest *g);

/* It was asked for more than it had, and its balloon stopped. */
void guest_swap_failed(struct policy_guest *g);

/* follow.c: what has changed since @before, in @elapsed; @ran of it the guest was not held by us.
 */
void guest_follow_memory(struct policy_guest *g, const struct guest_observation *before,
                         usec_t ran);
void guest_follow_swap_speed(struct policy_guest *g, const struct guest_observation *before,
                             usec_t elapsed);
void guest_follow_futility(struct policy_guest *g, const struct guest_observation *before,
                           usec_t now);
void guest_follow_balloon(struct policy_guest *g, uint64_t actual_before, usec_t ran, usec_t now);

/* lost.c: the time that it lost since @before, @elapsed ago. @faults, @paged_in (bytes): of its own
 * paging, as far as its statistics are believed. */
void guest_lose_time(struct policy_guest *g, const struct guest_observation *before,
                     usec_t elapsed);
/* All that it has lost so far. */
usec_t guest_lost(const struct policy_guest *g);
void guest_lose_to_own_paging(struct policy_guest *g, uint64_t faults, uint64_t paged_in);

/* block.c: @held of the @elapsed time it was held. */
void block_follow(struct policy_guest *g, const struct policy_params *params, usec_t held,
                  usec_t elapsed);

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
    bool wanting;    /* the host is short only for the sake of those who want for memory */
    bool probe;      /* what the guests can spare is not enough */
    usec_t deadline; /* what is delivered later than that from now comes too late */
};

/* All that it sees is resident, or as good as that: whether it would use more does not show. */
bool guest_is_full(const struct policy_guest *g);

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

/* Can its pager, or the kernel, put pages out at all? */
bool guest_can_swap(const struct policy_guest *g);

/* Has its balloon nothing (more) to give, by the verdict on it? */
bool guest_balloon_spent(const struct policy_guest *g, usec_t now);

/*
 * Fills in the pager's part of @g->verdict, after its plan was made. @share is what the guest would
 * be entitled to if all wanted all they can have; meaningless in state high.
 */
void swap_decide(struct policy_guest *g, const struct guest_bounds *bounds, uint64_t share,
                 const struct outlook *outlook);

/* pace.c: has the guest used up much of what it was dealt out, and until when does that last? */
bool pace_runs_out(const struct policy_guest *g);
usec_t pace_lasts(const struct policy_guest *g);

/* ration.c */

/*
 * Cuts the deflations of this decision down to @free_now bytes together. The arrays are parallel,
 * @split holds each guest's terms of the water-filling. Returns 0, or -ENOMEM.
 */
int ration_deflations(struct policy_guest *const *guests, const struct waterfill_guest *split,
                      const struct guest_bounds *bounds, size_t n, uint64_t free_now, double tax);
