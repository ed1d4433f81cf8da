/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: how much of its memory a guest uses. Without a pager its statistics say it, as far as
 * they are believed; without these it is unknown, and then all resident memory counts as active: an
 * unknown guest is treated as a busy one, and so is one whose statistics ceased. A guest that grows
 * counts with what it is about to use, because what it says is a second or two old.
 *
 * Where a pager samples the guest's memory, the samples say it, whatever the guest claims; its
 * statistics can then only raise the estimate. What became resident since a window began counts as
 * active: no page of it was sampled, and all of it was touched.
 *
 * A window is one of the guest's own time, as ESX's are (Waldspurger 2002, section 5.3): a guest
 * that waits for memory most of the time touches little of it in a second, and would seem to need
 * less the more it lacks.
 *
 * Distress raises the estimate above what is resident, because an inflated balloon hides the
 * demand, but only from what is resident upwards: a guest that does not touch what it has gets no
 * more.
 */
#include <math.h>

#include "core/policy_guest.h"

/* Beyond what is resident, because an inflated balloon hides how much more it would take. */
static uint64_t wanted_in_distress(const struct policy_guest *g, const struct policy_params *params)
{
    uint64_t step = u64_max(g->seen.size / 4, params->growth_floor);

    return u64_min(g->seen.resident + step, g->seen.size);
}

/*
 * It waits for what was put out: what it now brings back is in use, and it goes on with that for a
 * while. Not more: who fetches back a little again and again is not to count as busy altogether.
 */
#define WAITING_FOR_USEC (2 * USEC_PER_SEC)

/* Who can page out may be low on memory, and reclaim, without missing anything: samples tell what
 * it uses. */
static unsigned harmless(const struct policy_guest *g)
{
    bool told = g->activity_source == ACTIVITY_SAMPLED && guest_pages_itself(g);

    return told ? DISTRESS_LOW_AVAILABLE | DISTRESS_DIRECT_RECLAIM : 0;
}

static uint64_t raised_by_distress(const struct policy_guest *g, const struct policy_params *params,
                                   uint64_t active)
{
    uint64_t fetched = active + rate_bytes(g->loads.rate, WAITING_FOR_USEC);

    if (g->distress & DISTRESS_WAITING)
        active = u64_max(active, u64_min(fetched, wanted_in_distress(g, params)));
    if (g->distress & ~DISTRESS_WAITING & ~harmless(g))
        active = u64_max(active, wanted_in_distress(g, params));
    return active;
}

/* A guest that gets on more slowly than that is not made out to be busier for it. */
#define PACE_LEAST 0.1

/*
 * Of what a window found in use, part @f, what a guest that never waits would have used: a page
 * that is touched at random in the time that it had was touched with 1 - f left untouched for each
 * such time.
 */
static double at_full_pace(const struct policy_guest *g, double f, usec_t now)
{
    usec_t elapsed = u64_sub(now, g->window_at);
    double lost = (double)u64_sub(guest_lost(g), g->window_lost);
    double pace = elapsed ? 1 - lost / (double)elapsed : 1;

    if (pace >= 1)
        return f;
    return 1 - pow(1 - f, 1 / (pace > PACE_LEAST ? pace : PACE_LEAST));
}

static uint64_t sampled_active(const struct policy_guest *g, unsigned permille, usec_t now)
{
    uint64_t known = u64_min(g->seen.resident, g->window_resident);
    double used = at_full_pace(g, permille / 1000.0, now);

    return (uint64_t)(used * (double)known) + (g->seen.resident - known);
}

static void begin_window(struct policy_guest *g, usec_t now)
{
    g->windows = g->seen.pager.windows;
    g->window_resident = g->seen.resident;
    g->window_at = now;
    g->window_lost = guest_lost(g);
}

/* A complete window is an observation; the one under way can only raise the estimate so far. */
static void estimate_by_samples(struct policy_guest *g, const struct policy_params *params,
                                usec_t now)
{
    const struct pager_observation *s = &g->seen.pager;

    if (s->windows != g->windows) {
        activity_observe(&g->activity, &params->sampled, sampled_active(g, s->permille, now), now);
        begin_window(g, now);
    }
    g->active =
        u64_max(activity_estimate(&g->activity), sampled_active(g, s->current_permille, now)) +
        guest_about_to_use(g);
    /* Its signs come and go by the second, with the memory that it is given for them: what they are
     * worth falls as slowly as the samples do, or its balloon would follow them. */
    activity_observe(&g->raised, &params->sampled,
                     raised_by_distress(g, params, g->active) - g->active, now);
    g->active = u64_min(g->active + activity_estimate(&g->raised), g->seen.size);
}

static void estimate_by_stats(struct policy_guest *g, const struct policy_params *params,
                              usec_t now)
{
    uint64_t active = g->seen.resident;

    if (g->activity_source == ACTIVITY_STATS)
        active = u64_min(u64_min(g->used, g->seen.resident) + guest_about_to_use(g), g->seen.size);
    active = raised_by_distress(g, params, active);
    activity_observe(&g->activity, &params->activity, active, now);
    g->active = activity_estimate(&g->activity);
}

static enum activity_source best_source(const struct policy_guest *g)
{
    if (g->seen.pager.present && g->seen.pager.windows > 0)
        return ACTIVITY_SAMPLED;
    if (guest_believed(g) && g->stats.available != GUEST_STAT_UNSET &&
        g->stats.total != GUEST_STAT_UNSET)
        return ACTIVITY_STATS;
    return ACTIVITY_UNKNOWN;
}

void guest_estimate_activity(struct policy_guest *g, const struct policy_params *params, usec_t now)
{
    enum activity_source source = best_source(g);

    if (source != g->activity_source) {
        /* An estimate from another source is no history of this one. */
        g->activity.known = g->raised.known = false;
        begin_window(g, now);
        g->windows = 0;
    }
    g->activity_source = source;
    if (source == ACTIVITY_SAMPLED)
        estimate_by_samples(g, params, now);
    else
        estimate_by_stats(g, params, now);
}
