/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario's clock is the simulator's less CASE_LEAD. What a file asks for and a simulation can't
 * do is collected as warnings: nothing is left out in silence.
 */
#include "sim/case.h"

#include <math.h>
#include <string.h>

#include "scenario/error.h"
#include "sim/case_guest.h"
#include "sim/trace.h"
#include "sim/work_scenario.h"

/* Of the simulation, in runs up to LONG_RUN and in longer ones. */
#define TICK      (100 * USEC_PER_MSEC)
#define LONG_TICK USEC_PER_SEC
#define LONG_RUN  (3600 * USEC_PER_SEC)

usec_t case_clock(double t)
{
    return CASE_LEAD + (usec_t)llround(MAX(t, 0) * 1e6);
}

usec_t case_end(const struct sim_case *c)
{
    return case_clock(c->scenario->length);
}

uint64_t case_base(const struct sim_case *c, unsigned guest)
{
    return (uint64_t)(c->costs.guest_base * (double)c->guests[guest].size) +
           c->costs.guest_base_bytes;
}

static void warn(struct sim_case *c, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void warn(struct sim_case *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(c->warnings, g_strdup_vprintf(format, args));
    va_end(args);
}

static bool take_setting(struct sim_case *c, const struct scenario_setting *setting, GError **error)
{
    g_autoptr(GError) why = NULL;

    switch (sim_settings_set(&c->settings, setting->section, setting->key, setting->value, &why)) {
    case SETTINGS_TAKEN:
        break;
    case SETTINGS_NOT_SIMULATED:
        warn(c, "[daemon] %s.%s means nothing in a simulation", setting->section, setting->key);
        break;
    case SETTINGS_WRONG:
        return scenario_fail(error, "%s: [daemon] %s", c->scenario->path, why->message);
    }
    return true;
}

bool case_set(struct sim_settings *settings, const char *text, GError **error)
{
    g_auto(GStrv) sides = g_strsplit(text, "=", 2);
    g_auto(GStrv) names = g_strsplit(sides[0] ? sides[0] : "", ".", 2);

    if (g_strv_length(sides) != 2 || g_strv_length(names) != 2)
        return scenario_fail(error, "\"%s\"; allowed is SECTION.KEY=VALUE, as policy.period=1s",
                             text);
    switch (sim_settings_set(settings, names[0], names[1], sides[1], error)) {
    case SETTINGS_TAKEN:
        return true;
    case SETTINGS_NOT_SIMULATED:
        return scenario_fail(error, "%s: no setting of that name means anything in a simulation",
                             sides[0]);
    case SETTINGS_WRONG:
        break;
    }
    return false;
}

static bool take_settings(struct sim_case *c, char **options, GError **error)
{
    c->settings = sim_settings_default();
    c->settings.aerostat.observe = strcmp(c->scenario->mode, "observe") == 0;
    for (unsigned i = 0; i < c->scenario->settings->len; i++)
        if (!take_setting(c, g_ptr_array_index(c->scenario->settings, i), error))
            return false;
    for (; options && *options; options++)
        if (!case_set(&c->settings, *options, error))
            return false;
    return true;
}

/* What of @kind is left out, once for each guest. */
static void warn_of(struct sim_case *c, enum phase_kind kind, const char *whose)
{
    if (kind == PHASE_PAGER_KILL)
        warn(c, "%s: pager-kill is left out: simulated pagers do not die", whose);
    else if (kind == PHASE_FREEZE)
        warn(c, "%s: freeze is simulated as pause", whose);
    else if (kind == PHASE_RUN)
        warn(c, "%s: run is left out: what a real program does is not known; it rests", whose);
}

static void add_acts(struct sim_case *c, const GArray *phases, unsigned guest, const char *whose)
{
    bool warned[PHASE_KIND_MAX] = {false};

    for (unsigned i = 0; i < phases->len; i++) {
        const struct phase *p = &g_array_index(phases, struct phase, i);
        const struct case_act act = {.at = case_clock(p->at), .phase = p, .guest = guest};

        if (!warned[p->kind])
            warn_of(c, p->kind, whose);
        warned[p->kind] = true;
        if (!phase_is_order(p->kind) && p->kind != PHASE_SAY && p->kind != PHASE_PAGER_KILL)
            g_array_append_val(c->acts, act);
    }
}

static int compare_acts(const void *a, const void *b)
{
    const struct case_act *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

/* Settings that change while it runs: are they right? */
static bool check_sets(const struct sim_case *c, GError **error)
{
    struct sim_settings trial = c->settings;

    for (unsigned i = 0; i < c->scenario->phases->len; i++) {
        const struct phase *p = &g_array_index(c->scenario->phases, struct phase, i);
        g_autoptr(GError) why = NULL;

        if (p->kind == PHASE_SET && !case_set(&trial, p->text, &why))
            return scenario_fail(error, "%s: at %.1f s set: %s", c->scenario->path, p->at,
                                 why->message);
    }
    return true;
}

static void collect_acts(struct sim_case *c)
{
    add_acts(c, c->scenario->phases, UINT_MAX, "the host");
    for (unsigned i = 0; i < c->scenario->guests->len; i++) {
        const struct scenario_guest *g = scenario_guest(c->scenario, i);

        add_acts(c, g->phases, i, g->name);
    }
    g_array_sort(c->acts, compare_acts);
}

/* The work of @traced goes over to the case, on its clock. */
static void take_work(struct sim_guest_spec *spec, struct sim_guest_spec *traced)
{
    spec->work = traced->work;
    traced->work = (struct work){0};
    for (size_t i = 0; i < spec->work.n; i++)
        spec->work.steps[i].at += CASE_LEAD;
    if (traced->end != USEC_NEVER)
        spec->end = traced->end + CASE_LEAD;
}

static bool add_guest(struct sim_case *c, unsigned i, struct sim_guest_spec *traced, GError **error)
{
    const struct scenario_guest *g = scenario_guest(c->scenario, i);

    if (g->size == 0)
        return scenario_fail(error, "%s: [guest %s]: it has neither a size nor rows in the trace",
                             c->scenario->path, g->name);
    if (!case_guest_spec(c, g, &c->guests[i], error))
        return false;
    if (traced)
        take_work(&c->guests[i], traced);
    else
        work_of_scenario(g, &c->costs, CASE_LEAD, &c->guests[i].work);
    return true;
}

/* Guests of the trace by their names. Those that are in the scenario too are completed, the others
 * added to it. NULL: @error. */
static GHashTable *join_trace(struct sim_case *c, GError **error)
{
    g_autoptr(GHashTable) traced = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);

    for (size_t i = 0; c->trace && i < c->trace->n; i++)
        g_hash_table_insert(traced, (char *)(uintptr_t)c->trace->guests[i].name,
                            &c->trace->guests[i]);
    for (unsigned i = 0; i < c->scenario->guests->len; i++) {
        struct scenario_guest *g = scenario_guest(c->scenario, i);
        struct sim_guest_spec *spec = g_hash_table_lookup(traced, g->name);

        if (spec && g->phases->len > 0) {
            scenario_fail(error, "%s: [guest %s]: it has phases here and rows in the trace",
                          c->scenario->path, g->name);
            return NULL;
        }
        if (spec)
            case_guest_complete(g, spec);
        g_hash_table_add(known, spec);
    }
    for (size_t i = 0; c->trace && i < c->trace->n; i++) {
        struct scenario_guest *g;

        if (g_hash_table_contains(known, &c->trace->guests[i]))
            continue;
        g = scenario_guest_new(c->trace->guests[i].name);
        case_guest_complete(g, &c->trace->guests[i]);
        g_ptr_array_add(c->scenario->guests, g);
    }
    if (c->trace && c->scenario->length <= 0)
        c->scenario->length = (double)c->trace->length / 1e6;
    return g_steal_pointer(&traced);
}

static bool add_guests(struct sim_case *c, GError **error)
{
    g_autoptr(GHashTable) traced = join_trace(c, error);

    if (!traced)
        return false;
    c->guests = g_new0(struct sim_guest_spec, c->scenario->guests->len);
    for (unsigned i = 0; i < c->scenario->guests->len; i++)
        if (!add_guest(c, i, g_hash_table_lookup(traced, scenario_guest(c->scenario, i)->name),
                       error))
            return false;
    return true;
}

static void describe_host(struct sim_case *c, const struct case_options *o)
{
    usec_t by_length = case_end(c) > LONG_RUN ? LONG_TICK : TICK;

    c->host = (struct sim_host_spec){
        .capacity = c->scenario->capacity,
        .memory = o->memory,
        .swap = c->scenario->host_swap,
        .pager_cache_part_permille = (uint64_t)llround(c->settings.pager_cache * 1000),
        .tick = o->tick > 0 ? o->tick : by_length,
    };
    for (unsigned i = 0; c->scenario->host_swap == 0 && i < c->scenario->guests->len; i++)
        c->host.swap += c->guests[i].size;
}

/* The scenario, and the trace that it is or names. */
static bool read_files(struct sim_case *c, const char *path, const struct case_options *o,
                       GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *beside = NULL;

    if (g_str_has_suffix(path, ".csv")) {
        c->scenario = scenario_new(path, o->seed);
        c->scenario->title = g_path_get_basename(path);
        c->scenario->pager = true;
        c->trace = trace_load(path, error);
        return c->trace != NULL;
    }
    c->scenario = scenario_load_seeded(path, o->seed, error);
    if (!c->scenario)
        return false;
    if (!c->scenario->trace)
        return true;
    beside = g_path_is_absolute(c->scenario->trace)
                 ? g_strdup(c->scenario->trace)
                 : g_build_filename(directory, c->scenario->trace, NULL);
    c->trace = trace_load(beside, error);
    return c->trace != NULL;
}

static bool fill_case(struct sim_case *c, const char *path, const struct case_options *o,
                      GError **error)
{
    if (!read_files(c, path, o, error))
        return false;
    if (o->capacity > 0)
        c->scenario->capacity = o->capacity;
    if (c->scenario->capacity == 0)
        return scenario_fail(error,
                             "%s: a trace says nothing of the host: its capacity is missing, "
                             "as --capacity 64G",
                             path);
    if (!take_settings(c, o->settings, error) || !add_guests(c, error))
        return false;
    if (!check_sets(c, error))
        return false;
    collect_acts(c);
    describe_host(c, o);
    return true;
}

struct sim_case *case_load(const char *path, const struct case_options *options, GError **error)
{
    struct sim_case *c = g_new0(struct sim_case, 1);

    c->costs = options->costs ? *options->costs : sim_costs_default();
    c->acts = g_array_new(FALSE, FALSE, sizeof(struct case_act));
    c->warnings = g_ptr_array_new_with_free_func(g_free);
    if (!fill_case(c, path, options, error))
        g_clear_pointer(&c, case_free);
    return c;
}

static void free_guests(struct sim_case *c)
{
    for (unsigned i = 0; c->guests && i < c->scenario->guests->len; i++)
        work_clear(&c->guests[i].work);
    g_free(c->guests);
}

void case_free(struct sim_case *c)
{
    if (c->scenario)
        free_guests(c);
    g_clear_pointer(&c->scenario, scenario_free);
    g_clear_pointer(&c->trace, trace_free);
    g_array_unref(c->acts);
    g_ptr_array_unref(c->warnings);
    g_free(c);
}
