/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan_show.h"

#include "cli/table.h"
#include "cli/text.h"
#include "scenario/means.h"

static const struct plan_answer *described(const struct plan *p)
{
    return &p->answers[PLAN_DESCRIBED];
}

static void cell(struct table *t, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void cell(struct table *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    table_add(t, text);
}

static void show_question(const struct plan_question *q, GString *out)
{
    char capacity[TEXT_FIGURE_MAX];
    g_autofree char *title = text_clean(q->fleet->title, false);

    g_string_append_printf(out, "%s on a host with %s for guests", title,
                           text_size(q->capacity, capacity));
    if (q->fleet->trace)
        g_string_append_printf(out, "; recordings moved by %s",
                               q->fleet->shift == FLEET_SHIFT_DAYS ? "whole days" : "any time");
    g_string_append_printf(out,
                           "\nfits: at most %.4g%% of guest-minutes with work lose more than "
                           "%.4g%% of their speed against"
                           " the same guest on a host with memory for all; nobody is killed\n\n",
                           (1 - q->percentile) * 100, q->slowdown * 100);
}

static void show_answer(const struct plan_question *q, const struct plan *p, GString *out)
{
    const struct plan_answer *a = described(p);
    unsigned fits = plan_answer_median(a), low, high;
    double probability;

    g_string_append_printf(out,
                           "%u guests fit: median of %u fleets drawn (%u to %u); overcommitted %.2f"
                           " times\n",
                           fits, a->n, a->guests[0], a->guests[a->n - 1], plan_overcommit(q, fits));
    if (plan_answer_interval(a, PLAN_CONFIDENCE, &low, &high, &probability))
        g_string_append_printf(
            out,
            "the median of all such fleets is from %u to %u with a probability of"
            " %.0f%% (order statistics)\n",
            a->guests[low], a->guests[high], probability * 100);
    else
        g_string_append(out, "too few seeds for an interval at 90%: it takes 5\n");
    g_string_append_printf(out, "%u fit with all their memory\n", p->without);
}

static void show_means(const struct plan_question *q, const struct plan *p, GString *out)
{
    static const struct table_column columns[] = {
        {"MEANS", false}, {"GUESTS", true},     {"FEWEST", true},
        {"MOST", true},   {"OVERCOMMIT", true}, {"MORE THAN NOTHING", true}};
    struct table *t = table_new(columns, G_N_ELEMENTS(columns));

    cell(t, "nothing: all their memory");
    cell(t, "%u", p->without);
    cell(t, "-");
    cell(t, "-");
    cell(t, "%.2f", plan_overcommit(q, p->without));
    cell(t, "-");
    for (enum plan_means m = PLAN_BALLOON; m < PLAN_MEANS_MAX; m++) {
        const struct plan_answer *a = &p->answers[m];
        unsigned fits = plan_answer_median(a);

        cell(t, "%s", plan_means_name(m));
        cell(t, "%u", fits);
        cell(t, "%u", a->guests[0]);
        cell(t, "%u", a->guests[a->n - 1]);
        cell(t, "%.2f", plan_overcommit(q, fits));
        cell(t, "%+.0f%%", ((double)fits / MAX(p->without, 1) - 1) * 100);
    }
    g_string_append(out, "\n");
    table_append_to(t, out);
    table_free(t);
}

static double hours_lost(const struct plan_trial *t)
{
    double sum = 0;

    for (unsigned c = 0; c < PLAN_CAUSE_MAX; c++)
        sum += t->lost[c];
    return sum;
}

static void show_sweep(const struct plan *p, GString *out)
{
    static const struct table_column columns[] = {
        {"GUESTS", true},   {"SLOWER: MEAN", true}, {"99TH", true},  {"WORST GUEST", true},
        {"LOST s/h", true}, {"clear", true},        {"soft", true},  {"hard", true},
        {"low", true},      {"OOM KILLS", true},    {"KILLED", true}};
    struct table *t = table_new(columns, G_N_ELEMENTS(columns));

    for (unsigned i = 0; i < p->sweep_points; i++) {
        const struct plan_trial *s = &p->sweep[i];

        cell(t, "%u", s->guests);
        cell(t, "%.1f%%", s->mean * 100);
        cell(t, "%.1f%%", s->at_percentile * 100);
        cell(t, "%.1f%%", s->worst * 100);
        cell(t, "%.2f", hours_lost(s) / s->guests / (p->minutes / 60));
        for (int state = HOST_CLEAR; state < HOST_STATE_MAX; state++)
            cell(t, "%.1f%%", s->state_part[state] * 100);
        cell(t, "%u", s->oom_kills);
        cell(t, "%u", s->kills);
    }
    g_string_append_printf(
        out,
        "\nWhere it breaks (%u fleets; slowdowns of guest-minutes and guests: the"
        " worst of them, the rest means)\n",
        p->sweep_seeds);
    table_append_to(t, out);
    table_free(t);
}

static void show_bottleneck(const struct plan_question *q, const struct plan *p, GString *out)
{
    const struct plan_trial *t = plan_breaks(q, p);

    if (!t) {
        g_string_append(out, "\nnothing was found that would not fit\n");
        return;
    }

    g_autofree char *kind = text_clean(fleet_kind_name(q->fleet, t->bottleneck.kind), false);

    g_string_append_printf(out,
                           "\nwith %u guests, %s is slow first (%.0f%% of the slow minutes), most "
                           "at %u:00 to %u:00, %s\n",
                           t->guests, kind, t->bottleneck.part * 100, t->bottleneck.hour,
                           t->bottleneck.hour + 1, plan_cause_text(t->bottleneck.cause));
}

static double simulated_days(const struct plan *p)
{
    double sum = 0;

    for (enum plan_means m = 0; m < PLAN_MEANS_MAX; m++)
        sum += p->answers[m].simulated_days;
    return sum;
}

void plan_show(const struct plan_question *q, const struct plan *p, GString *out)
{
    show_question(q, out);
    show_answer(q, p, out);
    if (q->means)
        show_means(q, p, out);
    if (q->sweep)
        show_sweep(p, out);
    show_bottleneck(q, p, out);
    g_string_append_printf(out, "%.0f guest-days were simulated for the search\n",
                           simulated_days(p));
}
