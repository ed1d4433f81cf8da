/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/options.h"

#include "scenario/error.h"

/* GLib stores an int where the rest of the lab has a bool. */
struct flags {
    gboolean no_manager, observe, no_alone, check, keep, quiet, version, calibrate;
};

static bool parse(struct options *o, struct flags *f, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"no-manager", 0, 0, G_OPTION_ARG_NONE, &f->no_manager,
         "Run the guests without the daemon, to compare", NULL},
        {"manager", 0, 0, G_OPTION_ARG_STRING, &o->manager,
         "Run COMMAND in the daemon's place, to compare", "COMMAND"},
        {"observe", 0, 0, G_OPTION_ARG_NONE, &f->observe, "The daemon decides, but does not act",
         NULL},
        {"no-alone", 0, 0, G_OPTION_ARG_NONE, &f->no_alone,
         "Do not measure each guest's work alone first", NULL},
        {"check", 0, 0, G_OPTION_ARG_NONE, &f->check, "Read the scenario and end", NULL},
        {"keep", 0, 0, G_OPTION_ARG_NONE, &f->keep,
         "Keep the directory with logs and configuration", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &f->quiet, "No live table", NULL},
        {"calibrate", 0, 0, G_OPTION_ARG_NONE, &f->calibrate,
         "Measure what things cost, for aerostat simulate --costs; FILE gets the costs", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &f->version, "Print the version and end", NULL},
        {"csv", 0, 0, G_OPTION_ARG_FILENAME, &o->csv, "Write the time series to FILE", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &o->json, "Write all that was recorded to FILE",
         "FILE"},
        {"svg", 0, 0, G_OPTION_ARG_FILENAME, &o->svg, "Draw the run into FILE", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("SCENARIO.ini | --calibrate [FILE]");
    g_autoptr(GError) why = NULL;

    g_option_context_set_summary(
        context, "Runs a scenario on real guests against the real daemon, and judges it.");
    g_option_context_set_description(context,
                                     "Exit status: 0 all goals met, 1 a goal was missed, 2 wrong "
                                     "command line or scenario, 3 the run could not be made.\n");
    g_option_context_add_main_entries(context, entries, NULL);
    if (g_option_context_parse(context, argc, argv, &why))
        return true;
    g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID, why->message);
    return false;
}

bool options_parse(struct options *o, int *argc, char ***argv, GError **error)
{
    struct flags f = {0};

    *o = (struct options){0};
    if (!parse(o, &f, argc, argv, error))
        return false;
    o->no_manager = f.no_manager || o->manager;
    o->observe = f.observe;
    o->no_alone = f.no_alone;
    o->check = f.check;
    o->keep = f.keep;
    o->quiet = f.quiet;
    o->version = f.version;
    o->calibrate = f.calibrate;
    if (o->version)
        return true;
    if (o->calibrate && *argc <= 2) {
        o->scenario = g_strdup((*argv)[1]);
        return true;
    }
    if (*argc != 2) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID,
                    "one scenario file is needed, as lab/scenarios/idle-gives.ini; see --help");
        return false;
    }
    o->scenario = g_strdup((*argv)[1]);
    return true;
}

void options_clear(struct options *o)
{
    g_free(o->scenario);
    g_free(o->manager);
    g_free(o->csv);
    g_free(o->json);
    g_free(o->svg);
}
