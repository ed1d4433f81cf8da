/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/simulate.h"

#include <inttypes.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "cli/text.h"
#include "scenario/judge.h"
#include "scenario/measure.h"
#include "scenario/timeline.h"

/* Of more guests, those are shown that got least of their work done. */
#define TABLE_GUESTS_MAX 32

static const struct table_column COLUMNS[] = {
    {"GUEST", false},   {"SIZE", true}, {"WORK", true},    {"GUEST SWAP", true}, {"FILES", true},
    {"HOST", true},     {"HELD", true}, {"BALLOON", true}, {"PUT OUT", true},    {"IN", true},
    {"OWN SWAP", true}, {"OOM", true},  {"BECAME", false},
};

static const char *fate(const struct sim_guest_result *g)
{
    if (g->panicked)
        return "kernel panic";
    if (g->killed_by_host)
        return "killed by the host";
    if (!g->started)
        return "never started";
    return g->ended ? "ended" : "";
}

static void add_part(struct table *t, double part)
{
    char buf[TEXT_FIGURE_MAX];

    table_add(t, text_part(part, buf));
}

static void add_size(struct table *t, uint64_t bytes)
{
    char buf[TEXT_FIGURE_MAX];

    table_add(t, bytes > 0 ? text_size(bytes, buf) : "0");
}

static void add_seconds(struct table *t, double seconds)
{
    g_autofree char *text = seconds >= 0.05 ? g_strdup_printf("%.1f s", seconds) : g_strdup("0");

    table_add(t, text);
}

static void add_guest(struct table *t, const struct case_result *r, unsigned i)
{
    const struct sim_guest_result *g = &r->guests[i];
    g_autofree char *kills = g_strdup_printf("%u", g->oom_kills);

    table_add(t, g->name);
    add_size(t, scenario_guest(r->record->scenario, i)->size);
    add_part(t, case_relative(r, i));
    add_seconds(t, g->lost_guest_swap);
    add_seconds(t, g->lost_file);
    add_seconds(t, g->lost_host_swap);
    add_seconds(t, g->lost_blocked);
    add_size(t, measure_largest_balloon(r->record, i));
    add_size(t, g->put_out);
    add_size(t, g->brought_in);
    add_size(t, g->guest_swapped_out);
    table_add(t, kills);
    table_add(t, fate(g));
}

/* Work done, as a number to sort by: who wanted nothing lacks nothing. */
static double work_of(const struct case_result *r, unsigned i)
{
    double relative = case_relative(r, i);

    return isnan(relative) ? 1 : relative;
}

static int compare_work(const void *a, const void *b, void *data)
{
    double x = work_of(data, *(const unsigned *)a), y = work_of(data, *(const unsigned *)b);

    return (x > y) - (x < y);
}

static void print_guests(const struct case_result *r)
{
    struct table *t = table_new(COLUMNS, G_N_ELEMENTS(COLUMNS));
    g_autofree unsigned *order = g_new(unsigned, r->record->guests);
    unsigned shown = MIN(r->record->guests, TABLE_GUESTS_MAX);
    g_autoptr(GString) out = g_string_new("\n");

    for (unsigned i = 0; i < r->record->guests; i++)
        order[i] = i;
    if (shown < r->record->guests)
        g_qsort_with_data(order, (int)r->record->guests, sizeof(*order), compare_work,
                          (void *)(uintptr_t)r);
    for (unsigned i = 0; i < shown; i++)
        add_guest(t, r, order[i]);
    table_append_to(t, out);
    if (shown < r->record->guests)
        g_string_append_printf(out, "%u guests more, of which none got less of its work done.\n",
                               r->record->guests - shown);
    cli_print(out->str);
    table_free(t);
}

/* Mean over the guests that work, and the least of them. */
static void print_work(const struct case_result *r)
{
    double sum = 0, least = INFINITY;
    unsigned n = 0, worst = 0;

    for (unsigned i = 0; i < r->record->guests; i++) {
        double relative = case_relative(r, i);

        if (isnan(relative))
            continue;
        sum += relative;
        n++;
        if (relative < least) {
            least = relative;
            worst = i;
        }
    }
    if (n > 0) {
        g_autofree char *line =
            g_strdup_printf("\nWork done, of what unlimited memory allows: %.1f %% on average, "
                            "%.1f %% by the worst (%s).\n",
                            sum / n * 100, least * 100, r->guests[worst].name);

        cli_print(line);
    }
}

static void print_host(const struct case_result *r)
{
    char over[TEXT_FIGURE_MAX], swapped[TEXT_FIGURE_MAX], saved[TEXT_FIGURE_MAX];
    g_autoptr(GString) out = g_string_new(NULL);

    if (r->host.over_capacity > 0)
        g_string_append_printf(out, "Over capacity for %.1f s, at most by %s.\n",
                               r->host.over_capacity, text_size(r->host.most_over, over));
    if (r->host.kernel_swapped > 0)
        g_string_append_printf(out, "The host's kernel swapped %s that nobody had asked it to.\n",
                               text_size(r->host.kernel_swapped, swapped));
    if (r->host.kills > 0)
        g_string_append_printf(out, "The host's kernel killed %u guests.\n", r->host.kills);
    if (r->host.saved_by_sharing > 0)
        g_string_append_printf(out, "Sharing saved %s at the end.\n",
                               text_size(r->host.saved_by_sharing, saved));
    cli_print(out->str);
}

void simulate_print(const struct sim_case *c, const struct manager_ops *manager, unsigned seed,
                    const struct case_result *result)
{
    char capacity[TEXT_FIGURE_MAX];
    g_autofree char *title = text_clean(c->scenario->title, false);
    g_autofree char *line = g_strdup_printf(
        "%s: %u guests on %s under %s, %.0f s simulated, seed %u\n", title, result->record->guests,
        text_size(c->host.capacity, capacity), manager->name, c->scenario->length, seed);

    cli_print(line);
    print_guests(result);
    print_work(result);
    timeline_print(result->record);
    print_host(result);
}

static void print_spread(const struct case_result *results, unsigned count, unsigned guest)
{
    double sum = 0, least = INFINITY, most = -INFINITY;
    g_autofree char *line = NULL;

    for (unsigned k = 0; k < count; k++) {
        double relative = case_relative(&results[k], guest);

        sum += relative;
        least = fmin(least, relative);
        most = fmax(most, relative);
    }
    if (isnan(sum))
        return;
    line =
        g_strdup_printf("  %-16s work %.1f %% (%.1f to %.1f %%)\n", results[0].guests[guest].name,
                        sum / count * 100, least * 100, most * 100);
    cli_print(line);
}

static unsigned missed(const struct case_result *results, unsigned count, const struct goal *goal)
{
    unsigned n = 0;

    for (unsigned k = 0; k < count; k++) {
        struct judgement j;

        judge(results[k].record, goal, &j);
        n += !j.met && !j.unknown;
        judgement_clear(&j);
    }
    return n;
}

void simulate_print_runs(const struct sim_case *c, const struct case_result *results,
                         unsigned count)
{
    g_autofree char *title = g_strdup_printf("\nAll %u runs:\n", count);

    cli_print(title);
    for (unsigned g = 0; g < results[0].record->guests; g++)
        print_spread(results, count, g);
    for (unsigned i = 0; i < c->scenario->goals->len; i++) {
        const struct goal *goal = &g_array_index(c->scenario->goals, struct goal, i);
        unsigned n = missed(results, count, goal);
        g_autofree char *line = g_strdup_printf("  goal %s: missed %u times\n", goal->name, n);

        if (n > 0)
            cli_print(line);
    }
}
