/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: entitlements add up to what may be handed out, but those who have to give lag behind
 * those who take. So what is given back in one decision is bounded by what is free at that moment.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/policy_guest.h"

struct claim {
    struct policy_guest *guest;
    uint64_t vital;
    double level;
};

/* Those in distress first, then the lowest level. What is vital to a guest it gets in any case: it
 * is little, and the alternative is a kill inside the guest. */
static int compare_claims(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    bool x_suffers = x->guest->distress != 0, y_suffers = y->guest->distress != 0;

    if (x_suffers != y_suffers)
        return x_suffers ? -1 : 1;
    return (x->level > y->level) - (x->level < y->level);
}

static void ration_claim(const struct claim *claim, uint64_t *free_left)
{
    struct policy_guest *g = claim->guest;
    uint64_t wanted = g->verdict.to - g->verdict.from;
    uint64_t needed = u64_sub(claim->vital, g->verdict.from);
    uint64_t granted = u64_min(wanted, u64_max(*free_left, needed));

    *free_left -= u64_min(granted, *free_left);
    if (granted == wanted)
        return;
    g->verdict.to = g->verdict.from + granted;
    if (granted >= BALLOON_STEP_MIN)
        return;
    g->verdict.to = g->verdict.from;
    g->verdict.reason = REASON_NOTHING_FREE;
    g->verdict.mechanism = MECHANISM_NONE;
}

/* A release is the operator's order, and not up to us to ration. */
static uint64_t claimed(const struct policy_guest *g)
{
    return g->verdict.reason == REASON_RELEASED ? 0 : u64_sub(g->verdict.to, g->verdict.from);
}

int ration_deflations(struct policy_guest *const *guests, const struct waterfill_guest *split,
                      const struct guest_bounds *bounds, size_t n, uint64_t free_now, double tax)
{
    uint64_t wanted = 0, free_left = free_now;
    size_t n_claims = 0;

    for (size_t i = 0; i < n; i++)
        wanted += claimed(guests[i]);
    if (wanted <= free_left)
        return 0;

    struct claim *claims = malloc(n * sizeof(*claims));
    if (!claims)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (claimed(guests[i]) > 0)
            claims[n_claims++] =
                (struct claim){guests[i], bounds[i].vital,
                               waterfill_level(&split[i], guests[i]->seen.actual, tax)};
    qsort(claims, n_claims, sizeof(*claims), compare_claims);
    for (size_t i = 0; i < n_claims; i++)
        ration_claim(&claims[i], &free_left);
    free(claims);
    return 0;
}
