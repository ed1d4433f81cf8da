/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A goal's measure is a number or a word; numbers without a meaning (nothing was measured) are NAN
 * and miss every limit.
 */
#include "scenario/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "scenario/judge-states.h"
#include "scenario/measure.h"

static unsigned index_of(const struct record *r, const char *name)
{
    int i = scenario_find(r->scenario, name);

    g_assert(i >= 0); /* scenario.c has checked it */
    return (unsigned)i;
}

static double wrong_pages(const struct record *r, unsigned g)
{
    const struct guest_sample *last = record_last(r, g);

    return last ? (double)last->report.wrong_pages : (double)NAN;
}

static double oom_kills(const struct record *r, unsigned g)
{
    const struct guest_sample *last = record_last(r, g);

    return last ? (double)last->report.oom_kill : (double)NAN;
}

static double resends(const struct record *r, unsigned g)
{
    return measure_resends(r, g);
}

static double panics(const struct record *r, unsigned g)
{
    return r->outcomes[g].panicked ? 1 : 0;
}

static double touches(const struct record *r, unsigned g)
{
    const struct guest_sample *last = record_last(r, g);

    return last ? (double)last->report.operations : (double)NAN;
}

static double takeovers(const struct record *r, unsigned g)
{
    return (double)measure_pager(r, g).takeovers;
}

static double evicted(const struct record *r, unsigned g)
{
    return (double)measure_pager(r, g).evicted;
}

static double held_pages(const struct record *r, unsigned g)
{
    return (double)measure_held_pages(r, g);
}

/* Sum over the goal's guest, or over all. */
static double total(const struct record *r, const struct goal *goal,
                    double (*of)(const struct record *r, unsigned g))
{
    double sum = 0;

    if (goal->guest)
        return of(r, index_of(r, goal->guest));
    for (unsigned g = 0; g < r->guests; g++)
        sum += of(r, g);
    return sum;
}

static double pause_of(const struct record *r, const struct goal *goal, unsigned g)
{
    (void)goal;
    return measure_pause(r, g);
}

static double entitled_of(const struct record *r, const struct goal *goal, unsigned g)
{
    return measure_entitled(r, g, goal->from, goal->to);
}

/* That of the goal's guest, or of the guest where it is worst; those of whom it can't be said are
 * left out. */
static double largest(const struct record *r, const struct goal *goal,
                      double (*of)(const struct record *r, const struct goal *goal, unsigned g))
{
    double worst = NAN;

    if (goal->guest)
        return of(r, goal, index_of(r, goal->guest));
    for (unsigned g = 0; g < r->guests; g++)
        worst = fmax(worst, of(r, goal, g));
    return worst;
}

static double merged_part(const struct record *r)
{
    const struct merged_look *m = &r->merged;

    return m->t > 0 && m->bytes.possible > 0 ? (double)m->bytes.saved / (double)m->bytes.possible
                                             : (double)NAN;
}

static double relief_periods(const struct record *r, unsigned g)
{
    struct relief relief = measure_relief(r, g);

    if (r->period <= 0)
        return (double)NAN;
    if (relief.sign < 0) /* it was given back to before it suffered */
        return isfinite(relief.relief) ? 0 : (double)NAN;
    return (relief.relief - relief.sign) / r->period;
}

static double moved_ratio(const struct record *r)
{
    struct moved moved = measure_moved(r);
    uint64_t ideal = measure_ideal(r);

    return ideal > 0 ? (double)(moved.inflated + moved.deflated) / (double)ideal : (double)NAN;
}

static double number_of(const struct record *r, const struct goal *goal)
{
    unsigned g = goal->guest ? index_of(r, goal->guest) : 0;

    switch (goal->kind) {
    case GOAL_WRONG_PAGES:
        return total(r, goal, wrong_pages);
    case GOAL_OOM_KILLS:
        return total(r, goal, oom_kills);
    case GOAL_PANICS:
        return total(r, goal, panics);
    case GOAL_TARGET_RESENDS:
        return total(r, goal, resends);
    case GOAL_TOUCHES:
        return total(r, goal, touches);
    case GOAL_TAKEOVERS:
        return total(r, goal, takeovers);
    case GOAL_EVICTED:
        return total(r, goal, evicted);
    case GOAL_HELD_PAGES:
        return total(r, goal, held_pages);
    case GOAL_OUT:
        return (double)measure_out(r, g, goal->from, goal->to);
    case GOAL_SQUEEZED:
        return (double)measure_least_resident(r, g, goal->from, goal->to);
    case GOAL_RESIDENT:
        return (double)measure_most_resident(r, g, goal->from, goal->to);
    case GOAL_GUESTS_ALIVE:
        return measure_alive(r);
    case GOAL_REACHED:
        return (double)measure_owned(r, g, goal->from, goal->to);
    case GOAL_GRANTED:
        return (double)measure_least_granted(r, g, goal->from, goal->to);
    case GOAL_RELATIVE:
        return measure_relative(r, g);
    case GOAL_RELIEF:
        return relief_periods(r, g);
    case GOAL_MOVED_RATIO:
        return moved_ratio(r);
    case GOAL_OVER_CAPACITY:
        return (double)measure_overshoot(r).worst;
    case GOAL_OVER_CAPACITY_SECONDS:
        return measure_overshoot(r).seconds;
    case GOAL_BACK_AT_FULL:
        return measure_back_at_full(r, g, goal->from);
    case GOAL_SPLIT_BY_SHARES:
        return measure_split(r, goal->from, goal->to);
    case GOAL_NO_INFLATE:
        return (double)measure_largest_balloon(r, g);
    case GOAL_DISTRUSTED:
        return measure_distrusted(r, g);
    case GOAL_YIELDS:
        return (double)measure_yield(r, g, index_of(r, goal->other));
    case GOAL_PROGRESS:
        return largest(r, goal, pause_of);
    case GOAL_RECOVERY:
        return measure_recovery(r, goal->from);
    case GOAL_BACK_BELOW:
        return measure_back_below(r, goal->from);
    case GOAL_ENTITLED:
        return largest(r, goal, entitled_of);
    case GOAL_BLOCKED_FAIR:
        return measure_blocked(r).worst;
    case GOAL_MERGED_PART:
        return merged_part(r);
    case GOAL_SHARE_RATE:
        return r->hosts->len > 0 ? record_host(r, r->hosts->len - 1)->memory.ksm_rate : (double)NAN;
    case GOAL_DRIVER:
    case GOAL_TRUST:
    case GOAL_STATE:
    case GOAL_VISITS:
    case GOAL_ONLY_IN:
    case GOAL_ACTS:
    case GOAL_KIND_MAX:
        break;
    }
    return (double)NAN;
}

static const char *word_of(const struct record *r, const struct goal *goal)
{
    const struct guest_sample *last = goal->guest ? record_last(r, index_of(r, goal->guest)) : NULL;

    if (goal->kind == GOAL_STATE)
        return r->hosts->len > 0 ? record_host(r, r->hosts->len - 1)->state : "-";
    if (!last)
        return "-";
    return goal->kind == GOAL_DRIVER ? last->driver : last->trust;
}

static char *remark_merged(const struct record *r)
{
    char saved[SIZE_TEXT_MAX], possible[SIZE_TEXT_MAX];

    return g_strdup_printf(" at %.0f s, %s of %s", r->merged.t,
                           size_format(r->merged.bytes.saved, saved),
                           size_format(r->merged.bytes.possible, possible));
}

static char *remark_blocked(const struct record *r)
{
    struct blocked_fairness b = measure_blocked(r);
    g_autoptr(GString) text = g_string_new(NULL);

    if (b.worst <= 0)
        return g_strdup_printf(", guests were held for %.1f s in all", b.seconds);
    for (unsigned g = 0; g < r->guests; g++)
        g_string_append_printf(text, ", %s %.1f s of %.1f s", scenario_guest(r->scenario, g)->name,
                               record_last(r, g)->blocked.seconds,
                               measure_blocked_fair(r, g, b.seconds));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *remark_entitled(const struct record *r, const struct goal *goal)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned g = 0; g < r->guests; g++)
        g_string_append_printf(text, ", %s %.3f", scenario_guest(r->scenario, g)->name,
                               measure_entitled(r, g, goal->from, goal->to));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What the value is to be compared with, where the limit alone does not tell. */
static char *remark(const struct record *r, const struct goal *goal)
{
    if (goal->kind == GOAL_BACK_AT_FULL) {
        double alone = r->outcomes[index_of(r, goal->guest)].driver_seconds;

        if (alone > 0)
            return g_strdup_printf(", its driver alone %.1f s", alone);
    }
    if (goal->kind == GOAL_MERGED_PART && r->merged.t > 0)
        return remark_merged(r);
    if (goal->kind == GOAL_BLOCKED_FAIR)
        return remark_blocked(r);
    if (goal->kind == GOAL_ENTITLED && !goal->guest)
        return remark_entitled(r, goal);
    return g_strdup("");
}

/* Simulated memory has no content that could be wrong or lost, and no processes that die. */
static bool is_simulated(enum goal_kind kind)
{
    return kind != GOAL_WRONG_PAGES && kind != GOAL_HELD_PAGES && kind != GOAL_TAKEOVERS;
}

void judge(const struct record *r, const struct goal *goal, struct judgement *ret)
{
    enum goal_unit unit = goal_unit(goal->kind);
    double value;

    *ret = (struct judgement){.unknown = r->simulated && !is_simulated(goal->kind)};
    if (ret->unknown) {
        ret->value = g_strdup("not simulated");
        ret->limit = goal_format(unit, goal->limit);
        return;
    }
    if (unit == UNIT_STATES) {
        ret->value = judge_states(r, goal, &ret->met);
        ret->limit = g_strdup(goal->word);
        return;
    }
    if (unit == UNIT_WORD) {
        ret->value = g_strdup(word_of(r, goal));
        ret->limit = g_strdup(goal->word);
        ret->met = strcmp(ret->value, ret->limit) == 0;
        return;
    }
    value = number_of(r, goal);

    g_autofree char *figure = isnan(value) ? g_strdup("not seen") : goal_format(unit, value);
    g_autofree char *aside = remark(r, goal);

    ret->value = g_strconcat(figure, aside, NULL);
    ret->limit = goal_format(unit, goal->limit);
    ret->met = goal_sense(goal->kind) == AT_LEAST ? value >= goal->limit : value <= goal->limit;
}

void judgement_clear(struct judgement *judgement)
{
    g_clear_pointer(&judgement->value, g_free);
    g_clear_pointer(&judgement->limit, g_free);
}

bool judge_all(const struct record *r)
{
    bool all = true;

    for (unsigned i = 0; i < r->scenario->goals->len; i++) {
        const struct goal *goal = &g_array_index(r->scenario->goals, struct goal, i);
        struct judgement j = {0};

        judge(r, goal, &j);
        if (j.unknown)
            printf("goal %s: %s\n", goal->name, j.value);
        else
            printf("goal %s: %s (limit %s) %s\n", goal->name, j.value, j.limit,
                   j.met ? "met" : "missed");
        all = all && (j.met || j.unknown);
        judgement_clear(&j);
    }
    return all;
}
