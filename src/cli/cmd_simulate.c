/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario of the lab, or a trace, on a simulated host: no daemon, no guest, no root. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/size.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/simulate.h"
#include "cli/text.h"
#include "scenario/error.h"
#include "scenario/export.h"
#include "scenario/judge.h"
#include "scenario/plot.h"
#include "sim/managers.h"
#include "sim/report.h"

#define SEEDS_MAX    1000
#define SETTINGS_MAX 64

enum {
    OPTION_MANAGER = OPTION_LONG_ONLY,
    OPTION_NO_MANAGER,
    OPTION_SEED,
    OPTION_SEEDS,
    OPTION_CAPACITY,
    OPTION_MEMORY,
    OPTION_COSTS,
    OPTION_TICK,
    OPTION_SET,
    OPTION_CSV,
    OPTION_SVG,
    OPTION_RECORD,
};

static const struct option_spec OPTIONS[] = {
    {OPTION_MANAGER, "manager", "NAME", "who manages the host: aerostat (default) or none"},
    {OPTION_NO_MANAGER, "no-manager", NULL, "the same as --manager none"},
    {OPTION_SEED, "seed", "N", "of what is left to chance (default: 1)"},
    {OPTION_SEEDS, "seeds", "K", "run K times, with seed N and those after it"},
    {OPTION_CAPACITY, "capacity", "SIZE", "memory for guests, in place of the scenario's"},
    {OPTION_MEMORY, "memory", "SIZE", "that the host has: its kernel swaps only what is more"},
    {OPTION_COSTS, "costs", "FILE", "what things cost, as aerostat-lab --calibrate wrote it"},
    {OPTION_TICK, "tick", "TIME", "of the simulation (default: 100 ms; 1 s beyond an hour)"},
    {OPTION_SET, "set", "S.KEY=VALUE", "a setting of aerostat.conf, as policy.period=1s"},
    {OPTION_CSV, "csv", "FILE", "write the time series as CSV"},
    {OPTION_SVG, "svg", "FILE", "draw the run"},
    {OPTION_RECORD, "record", "FILE", "write all that was recorded as JSON"},
    {0},
};

struct simulate {
    struct cli *cli;
    const struct command *command;
    const struct manager_ops *manager;
    struct sim_costs costs;
    struct case_options options;
    char *settings[SETTINGS_MAX + 1]; /* borrowed from the command line */
    unsigned seeds, set;
    const char *csv, *svg, *record;
};

static enum exit_code read_number(const struct simulate *s, const char *name, const char *text,
                                  unsigned most, unsigned *ret)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 0, most, &number, NULL))
        return usage_error(s->command, "--%s %s: it takes a number up to %u", name, text, most);
    *ret = (unsigned)number;
    return EXIT_CODE_OK;
}

static enum exit_code read_manager(struct simulate *s, const char *name)
{
    g_autofree char *names = manager_names(MANAGERS);

    s->manager = manager_find(MANAGERS, name);
    return s->manager ? EXIT_CODE_OK
                      : usage_error(s->command, "--manager %s: there are %s", name, names);
}

static enum exit_code read_costs(struct simulate *s, const char *path)
{
    g_autoptr(GError) error = NULL;

    if (sim_costs_load(&s->costs, path, &error))
        return EXIT_CODE_OK;
    cli_error("%s", error->message);
    return EXIT_CODE_USAGE;
}

static enum exit_code add_setting(struct simulate *s, const char *text)
{
    if (s->set == SETTINGS_MAX)
        return usage_error(s->command, "--set: more than %u settings", SETTINGS_MAX);
    s->settings[s->set++] = (char *)(uintptr_t)text;
    return EXIT_CODE_OK;
}

static enum exit_code take_option(struct simulate *s, int id, const char *value)
{
    switch (id) {
    case OPTION_MANAGER:
        return read_manager(s, value);
    case OPTION_NO_MANAGER:
        s->manager = &MANAGER_NONE;
        return EXIT_CODE_OK;
    case OPTION_SEED:
        return read_number(s, "seed", value, G_MAXUINT32 - SEEDS_MAX, &s->options.seed);
    case OPTION_SEEDS:
        return read_number(s, "seeds", value, SEEDS_MAX, &s->seeds);
    case OPTION_CAPACITY:
        if (size_parse(value, &s->options.capacity) && s->options.capacity > 0)
            return EXIT_CODE_OK;
        return usage_error(s->command, "--capacity %s: it takes a size such as 900M or 64G", value);
    case OPTION_MEMORY:
        return size_parse(value, &s->options.memory)
                   ? EXIT_CODE_OK
                   : usage_error(s->command, "--memory %s: it takes a size such as 64G", value);
    case OPTION_COSTS:
        return read_costs(s, value);
    case OPTION_TICK:
        if (duration_parse(value, &s->options.tick) && s->options.tick >= 10 * USEC_PER_MSEC &&
            s->options.tick <= 60 * USEC_PER_SEC)
            return EXIT_CODE_OK;
        return usage_error(s->command, "--tick %s: it takes a time from 10ms to 60s", value);
    case OPTION_SET:
        return add_setting(s, value);
    case OPTION_CSV:
        s->csv = value;
        return EXIT_CODE_OK;
    case OPTION_SVG:
        s->svg = value;
        return EXIT_CODE_OK;
    default:
        s->record = value;
        return EXIT_CODE_OK;
    }
}

/* False: the exit code is in o->exit_code. */
static bool read_options(struct simulate *s, struct options *o)
{
    int id;

    while ((id = options_next(o)) > 0) {
        o->exit_code = take_option(s, id, o->value);
        if (o->exit_code != EXIT_CODE_OK)
            return false;
    }
    return id == OPTIONS_END && options_count_operands(o, 1, 1);
}

static bool export_all(const struct simulate *s, const struct record *r, GError **error)
{
    return (!s->csv || export_csv(r, s->csv, error)) &&
           (!s->record || export_json(r, s->record, error)) &&
           (!s->svg || plot_write(r, s->svg, error));
}

static bool all_met(const struct record *r)
{
    bool all = true;

    for (unsigned i = 0; i < r->scenario->goals->len; i++) {
        struct judgement j;

        judge(r, &g_array_index(r->scenario->goals, struct goal, i), &j);
        all = all && (j.met || j.unknown);
        judgement_clear(&j);
    }
    return all;
}

/* One run, shown. True: all goals were met. */
static bool show_run(const struct simulate *s, const struct sim_case *c, unsigned seed,
                     struct case_result *result)
{
    autojson summary = NULL;

    if (!s->cli->json) {
        simulate_print(c, s->manager, seed, result);
        return judge_all(result->record);
    }
    summary = report_json(c, s->manager, seed, result);
    cli_print_json(summary);
    return all_met(result->record);
}

/* What a simulation can't do is said once, whatever the seed. */
static void print_warnings(const struct sim_case *c)
{
    for (unsigned i = 0; i < c->warnings->len; i++)
        cli_error("%s", (const char *)g_ptr_array_index(c->warnings, i));
}

/* Each seed reads the file anew: times in it may be random. The files that are written are of the
 * first run. */
static enum exit_code run_seeds(const struct simulate *s, const char *path)
{
    g_autofree struct sim_case **cases = g_new0(struct sim_case *, s->seeds);
    g_autofree struct case_result *results = g_new0(struct case_result, s->seeds);
    enum exit_code code = EXIT_CODE_OK;
    g_autoptr(GError) error = NULL;
    unsigned done = 0;

    for (; done < s->seeds && code != EXIT_CODE_USAGE; done++) {
        struct case_options options = s->options;

        options.seed += done;
        cases[done] = case_load(path, &options, &error);
        if (!cases[done]) {
            code = EXIT_CODE_USAGE;
            break;
        }
        if (done == 0)
            print_warnings(cases[0]);
        case_run(cases[done], s->manager, options.seed, true, &results[done]);
        if (done == 0 && !export_all(s, results[0].record, &error)) {
            code = EXIT_CODE_FAILED;
            done++;
            break;
        }
        if (!show_run(s, cases[done], options.seed, &results[done]))
            code = EXIT_CODE_FAILED;
    }
    if (error)
        cli_error("%s", error->message);
    else if (done > 1 && !s->cli->json)
        simulate_print_runs(cases[0], results, done);
    for (unsigned i = 0; i < done; i++) {
        case_result_clear(&results[i]);
        case_free(cases[i]);
    }
    return code;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct simulate s = {.cli = cli,
                         .command = command,
                         .manager = &MANAGER_AEROSTAT,
                         .costs = sim_costs_default(),
                         .seeds = 1,
                         .options = {.seed = 1}};
    struct options o;

    s.options.costs = &s.costs;
    s.options.settings = s.settings;
    options_init(&o, cli, command, argc, argv);
    if (!read_options(&s, &o))
        return o.exit_code;
    if (s.seeds == 0)
        return usage_error(command, "--seeds 0: one run at least");
    return run_seeds(&s, *options_operands(&o));
}

const struct command COMMAND_SIMULATE = {
    .name = "simulate",
    .operands = "FILE",
    .summary = "A scenario or a trace on a simulated host, under the same policy",
    .details =
        "FILE is a scenario as aerostat-lab runs it (aerostat-scenario(5)), or, where its name\n"
        "ends in .csv, a trace (aerostat-trace(5)), which takes --capacity. Needs no daemon.\n"
        "Exit status 1: a goal of the scenario was missed. With --json: the summary, one line\n"
        "for each run.",
    .options = OPTIONS,
    .run = run,
};
