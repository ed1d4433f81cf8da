/* SPDX-License-Identifier: Apache-2.0 */
/* How many guests fit a host. Asks no daemon: the simulator answers. */
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/size.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/plan_show.h"
#include "scenario/error.h"
#include "sim/trace.h"

enum {
    OPTION_CAPACITY = OPTION_LONG_ONLY,
    OPTION_SLOWDOWN,
    OPTION_PERCENTILE,
    OPTION_SEEDS,
    OPTION_SEED,
    OPTION_DAYS,
    OPTION_JOBS,
    OPTION_SHIFT,
    OPTION_COSTS,
    OPTION_BRIEF,
    OPTION_SVG,
};

static const struct option_spec OPTIONS[] = {
    {OPTION_CAPACITY, "capacity", "SIZE", "memory for guests, in place of the description's"},
    {OPTION_SLOWDOWN, "slowdown", "PART", "what a guest-minute may lose (default: 2%)"},
    {OPTION_PERCENTILE, "percentile", "P", "of guest-minutes that may lose no more (default: 99)"},
    {OPTION_SEEDS, "seeds", "N", "fleets that are drawn (default: 8)"},
    {OPTION_SEED, "seed", "N", "the first one's (default: 1)"},
    {OPTION_DAYS, "days", "N", "that are simulated (default: 1)"},
    {OPTION_JOBS, "jobs", "N", "threads (default: one a processor)"},
    {OPTION_SHIFT, "shift", "HOW", "of a trace: days or phase (default: days from two days on)"},
    {OPTION_COSTS, "costs", "FILE", "what aerostat-lab --calibrate wrote of this host"},
    {OPTION_BRIEF, "brief", NULL, "the number only: no single means, not where it breaks"},
    {OPTION_SVG, "svg", "FILE", "where it breaks, as a picture"},
    {0},
};

struct request {
    struct plan_question question;
    const char *shift, *costs, *svg;
};

static bool parse_whole(const char *text, unsigned least, unsigned most, unsigned *ret)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, least, most, &value, NULL))
        return false;
    *ret = (unsigned)value;
    return true;
}

/* Of "2%" or "2": 0.02, between the two, which are not allowed themselves. */
static bool parse_percent(const char *text, double *ret)
{
    char *end;
    double value = g_ascii_strtod(text, &end);

    if (end == text || (*end != '\0' && strcmp(end, "%") != 0) || !(value > 0 && value < 100))
        return false;
    *ret = value / 100;
    return true;
}

static bool take(const char **ret, const char *value)
{
    *ret = value;
    return true;
}

static bool read_option(struct request *r, int id, const char *value)
{
    struct plan_question *q = &r->question;

    switch (id) {
    case OPTION_CAPACITY:
        return size_parse(value, &q->capacity) && q->capacity > 0;
    case OPTION_SLOWDOWN:
        return parse_percent(value, &q->slowdown);
    case OPTION_PERCENTILE:
        return parse_percent(value, &q->percentile);
    case OPTION_SEEDS:
        return parse_whole(value, 1, PLAN_SEEDS_MAX, &q->seeds);
    case OPTION_SEED:
        return parse_whole(value, 0, UINT32_MAX - PLAN_SEEDS_MAX, &q->first_seed);
    case OPTION_DAYS:
        return parse_whole(value, 1, FLEET_DAYS_MAX, &q->days);
    case OPTION_JOBS:
        return parse_whole(value, 1, PLAN_JOBS_MAX, &q->jobs);
    case OPTION_SHIFT:
        return take(&r->shift, value) &&
               (strcmp(value, "days") == 0 || strcmp(value, "phase") == 0);
    case OPTION_COSTS:
        return take(&r->costs, value);
    case OPTION_BRIEF:
        q->means = q->sweep = false;
        return true;
    default:
        return take(&r->svg, value);
    }
}

static const char *option_takes(int id)
{
    switch (id) {
    case OPTION_CAPACITY:
        return "a size such as 256G";
    case OPTION_SLOWDOWN:
    case OPTION_PERCENTILE:
        return "a percentage above 0 and below 100";
    case OPTION_SEEDS:
        return "a number from 1 to 64";
    case OPTION_DAYS:
        return "a number from 1 to 31";
    case OPTION_JOBS:
        return "a number from 1 to 256";
    case OPTION_SHIFT:
        return "days or phase";
    default:
        return "a whole number";
    }
}

static bool read_request(struct options *o, struct request *r)
{
    int id;

    while ((id = options_next(o)) > 0) {
        if (read_option(r, id, o->value))
            continue;
        for (const struct option_spec *spec = OPTIONS; spec->name; spec++)
            if (spec->id == id)
                o->exit_code = usage_error(o->command, "--%s %s: it takes %s", spec->name, o->value,
                                           option_takes(id));
        return false;
    }
    if (id != OPTIONS_END || !options_count_operands(o, 1, 1))
        return false;
    if (!r->svg || r->question.sweep)
        return true;
    o->exit_code = usage_error(o->command, "--svg draws what --brief leaves out: give one of them");
    return false;
}

/* --- what is asked about --- */

static enum fleet_shift shift_of(const struct request *r, const struct trace *t)
{
    if (r->shift)
        return strcmp(r->shift, "days") == 0 ? FLEET_SHIFT_DAYS : FLEET_SHIFT_PHASE;
    return t->length >= 2 * FLEET_DAY ? FLEET_SHIFT_DAYS : FLEET_SHIFT_PHASE;
}

static bool check_trace(const char *path, const struct trace *t, GError **error)
{
    if (t->n > 0 && t->length >= 2 * 60 * USEC_PER_SEC)
        return true;
    return scenario_fail(error, "%s: too short to plan with: guests over two minutes are needed",
                         path);
}

/* @ret_trace is what the fleet borrows from; the caller's. */
static struct fleet *load(const struct request *r, const char *path, struct trace **ret_trace,
                          GError **error)
{
    if (!g_str_has_suffix(path, ".csv"))
        return fleet_load(path, error);
    *ret_trace = trace_load(path, error);
    if (!*ret_trace || !check_trace(path, *ret_trace, error))
        return NULL;
    return fleet_of_trace(*ret_trace, shift_of(r, *ret_trace));
}

static bool complete(struct request *r, const struct fleet *f, GError **error)
{
    struct plan_question *q = &r->question;

    q->fleet = f;
    if (q->capacity == 0)
        q->capacity = f->host.memory - f->host.reserve;
    if (q->capacity == 0)
        return scenario_fail(error, "a recording says nothing of the host: give --capacity SIZE");
    if (plan_without(q, q->first_seed) == 0)
        return scenario_fail(error, "not even the first guest fits the host: give more --capacity");
    q->costs = sim_costs_default();
    return !r->costs || sim_costs_load(&q->costs, r->costs, error);
}

/* --- the answer --- */

static bool write_svg(const struct request *r, const struct plan *p, GError **error)
{
    g_autofree char *text = plan_plot(&r->question, p);

    return file_write(r->svg, text, -1, error);
}

static bool answer(const struct cli *cli, const struct request *r, GError **error)
{
    struct plan *p = plan_make(&r->question);
    bool ok = !r->svg || write_svg(r, p, error);

    if (cli->json) {
        autojson all = plan_to_json(&r->question, p);

        cli_print_json(all);
    } else {
        g_autoptr(GString) out = g_string_new(NULL);

        plan_show(&r->question, p, out);
        cli_print(out->str);
    }
    plan_free(p);
    return ok;
}

static bool plan(const struct cli *cli, struct request *r, const char *path, GError **error)
{
    struct trace *trace = NULL;
    struct fleet *fleet = load(r, path, &trace, error);
    bool ok = fleet && complete(r, fleet, error) && answer(cli, r, error);

    if (fleet)
        fleet_free(fleet);
    if (trace)
        trace_free(trace);
    return ok;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct request r = {.question = {.slowdown = 0.02,
                                     .percentile = 0.99,
                                     .seeds = 8,
                                     .first_seed = 1,
                                     .days = 1,
                                     .jobs = g_get_num_processors(),
                                     .means = true,
                                     .sweep = true}};
    g_autoptr(GError) error = NULL;
    struct options o;

    options_init(&o, cli, command, argc, argv);
    if (!read_request(&o, &r))
        return o.exit_code;
    if (plan(cli, &r, options_operands(&o)[0], &error))
        return EXIT_CODE_OK;
    (void)cli_failure(error);
    return g_error_matches(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID) ? EXIT_CODE_USAGE
                                                                          : EXIT_CODE_FAILED;
}

const struct command COMMAND_PLAN = {
    .name = "plan",
    .operands = "FLEET.ini|TRACE.csv",
    .summary = "How many guests fit a host, by simulation",
    .details =
        "For a fleet as it is described, aerostat-fleet(5), or was recorded: how many guests fit "
        "before\n"
        "they become slower than allowed, what each means contributes, and where it breaks.\n"
        "Asks no daemon, and takes minutes.",
    .options = OPTIONS,
    .run = run,
};
