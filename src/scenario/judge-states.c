/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/judge-states.h"

#include "scenario/movement.h"
#include "scenario/states.h"

/* What was ordered in a state is still done when it has just ended: a decision period, and the time
 * between two samples. */
static double slack(const struct record *r)
{
    return r->period + r->scenario->interval;
}

static unsigned mask_of(const struct goal *goal)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < goal->state_count; i++)
        mask |= 1U << goal->states[i];
    return mask;
}

/* The states of the goal in their order, with any others between them. */
static char *judge_visits(const GArray *states, const struct goal *goal, bool *ret_met)
{
    unsigned found = 0;
    double t = 0;

    for (unsigned i = 0; i < states->len && found < goal->state_count; i++)
        if (states_get(states, i)->state == goal->states[found]) {
            found++;
            t = states_get(states, i)->t;
        }
    *ret_met = found == goal->state_count;
    if (*ret_met)
        return g_strdup_printf("all by %.1f s, %u changes in all", t,
                               states->len > 0 ? states->len - 1 : 0);
    return g_strdup_printf("%u of %u, no %s after %.1f s", found, goal->state_count,
                           host_state_name(goal->states[found]), t);
}

struct tally {
    double inside, outside;
    double worst_t; /* where most was moved outside */
    double worst;
};

static struct tally tally(const struct record *r, const GArray *states, const struct goal *goal)
{
    int index = goal->guest ? scenario_find(r->scenario, goal->guest) : -1;
    unsigned guest = index >= 0 ? (unsigned)index : EVERY_GUEST;
    struct tally all = {0};

    for (unsigned i = 1; i < r->hosts->len; i++) {
        double amount = movement_between(r, goal->mechanism, i, guest);
        double from = record_host(r, i - 1)->t, to = record_host(r, i)->t;

        if (!movement_counts(goal->mechanism, amount))
            continue;
        if (states_in_force(states, mask_of(goal), from - slack(r), to)) {
            all.inside += amount;
            continue;
        }
        all.outside += amount;
        if (amount > all.worst) {
            all.worst = amount;
            all.worst_t = to;
        }
    }
    return all;
}

static char *judge_only_in(const struct record *r, const GArray *states, const struct goal *goal,
                           bool *ret_met)
{
    struct tally all = tally(r, states, goal);
    g_autofree char *inside = movement_format(goal->mechanism, all.inside);
    g_autofree char *outside = movement_format(goal->mechanism, all.outside);
    enum host_state state = states_at(states, all.worst_t);

    *ret_met = all.outside <= 0;
    if (*ret_met)
        return g_strdup_printf("%s, none elsewhere", inside);
    return g_strdup_printf("%s, and %s elsewhere, most of it in %s at %.1f s", inside, outside,
                           state < HOST_STATE_MAX ? host_state_name(state) : "?", all.worst_t);
}

static char *judge_acts(const struct record *r, const GArray *states, const struct goal *goal,
                        bool *ret_met)
{
    struct tally all = tally(r, states, goal);

    *ret_met = all.inside > 0;
    return movement_format(goal->mechanism, all.inside);
}

char *judge_states(const struct record *r, const struct goal *goal, bool *ret_met)
{
    g_autoptr(GArray) states = states_of(r);

    if (goal->kind == GOAL_VISITS)
        return judge_visits(states, goal, ret_met);
    if (goal->kind == GOAL_ONLY_IN)
        return judge_only_in(r, states, goal, ret_met);
    return judge_acts(r, states, goal, ret_met);
}
