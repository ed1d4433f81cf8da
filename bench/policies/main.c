/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-policies: Aerostat's policy beside those of the peers, no manager, and an oracle, in the
 * simulator (src/sim), on the failure classes that are known of the peers and on random fleets.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "policies/report.h"
#include "scenario/error.h"

#define SEEDS_DEFAULT 2
#define SEEDS_MAX     1000

enum {
    EXIT_MET,
    EXIT_MISSED,
    EXIT_USAGE,
};

struct options {
    int class, seeds;
    char *scene, *policy, *directory, *svg, *json, *csv, *explain;
    gboolean swap_only, list;
};

static bool parse(struct options *o, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"class", 0, 0, G_OPTION_ARG_INT, &o->class, "only this one; 13: random fleets", "N"},
        {"scene", 0, 0, G_OPTION_ARG_STRING, &o->scene, "only those whose name begins so", "NAME"},
        {"policy", 0, 0, G_OPTION_ARG_STRING, &o->policy, "only this one", "NAME"},
        {"seeds", 0, 0, G_OPTION_ARG_INT, &o->seeds, "variants of each scenario, and fleets (2)",
         "K"},
        {"swap-only", 0, 0, G_OPTION_ARG_NONE, &o->swap_only,
         "leave out the variants whose guests have no swap", NULL},
        {"directory", 0, 0, G_OPTION_ARG_FILENAME, &o->directory, "scenarios from here", "DIR"},
        {"svg", 0, 0, G_OPTION_ARG_FILENAME, &o->svg, "draw the tables", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &o->json, "write every run", "FILE"},
        {"csv", 0, 0, G_OPTION_ARG_FILENAME, &o->csv, "write every run", "FILE"},
        {"explain", 0, 0, G_OPTION_ARG_STRING, &o->explain,
         "what a guest had and why, each second; of one --scene and --policy", "GUEST@FROM-TO"},
        {"list", 0, 0, G_OPTION_ARG_NONE, &o->list, "name policies and scenes", NULL},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new("- compare policies of memory");

    o->seeds = SEEDS_DEFAULT;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (*argc > 1 || o->seeds < 1 || o->seeds > SEEDS_MAX || o->class < 0 ||
        o->class > SCENE_FLEETS) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID,
                    "allowed are --class 1 to %d, --seeds 1 to %d, and no file: see --help",
                    SCENE_FLEETS, SEEDS_MAX);
        return false;
    }
    return true;
}

static void clear(struct options *o)
{
    g_free(o->scene);
    g_free(o->policy);
    g_free(o->directory);
    g_free(o->svg);
    g_free(o->json);
    g_free(o->csv);
    g_free(o->explain);
}

static bool write_csv(const struct runs *runs, const char *path, GError **error)
{
    FILE *out = fopen(path, "we");

    if (!out) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s: can't be written: %s", path,
                    g_strerror(errno));
        return false;
    }
    report_csv(runs, out);
    (void)fclose(out);
    return true;
}

static bool write_json(const struct runs *runs, const char *path, GError **error)
{
    struct json_object *all = report_json(runs);
    bool written =
        file_write(path, json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY), -1, error);

    json_object_put(all);
    return written;
}

static bool write_all(const struct runs *runs, const struct options *o, GError **error)
{
    return (!o->csv || write_csv(runs, o->csv, error)) &&
           (!o->json || write_json(runs, o->json, error)) &&
           (!o->svg || report_svg(runs, o->svg, error));
}

/* "web@300-320" */
static bool explain(const struct runs *runs, const char *what, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(what, "@", 2);
    double from = 0, to = 0;
    char *end = NULL;

    if (parts[0] && parts[1]) {
        from = g_ascii_strtod(parts[1], &end);
        to = *end == '-' ? g_ascii_strtod(end + 1, &end) : from + 1;
    }
    if (!end || *end != '\0' || runs->policies->len != 1 ||
        !trial_explain(runs->scenes->pdata[0], runs->policies->pdata[0], 1, parts[0], from, to)) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID,
                    "--explain %s: it takes GUEST@FROM-TO, as web1@300-320, with --scene and "
                    "--policy",
                    what);
        return false;
    }
    return true;
}

static void list(const struct runs *runs)
{
    for (size_t i = 0; POLICIES[i]; i++)
        printf("policy %-10s %s\n", POLICIES[i]->name, POLICIES[i]->title);
    for (unsigned i = 0; i < runs->scenes->len; i++) {
        const struct scene *scene = runs->scenes->pdata[i];

        printf("scene %-24s class %2u, %u guests, %.0f s: %s\n", scene->name, scene->class,
               scene->n, (double)scene->length / (double)USEC_PER_SEC, scene->title);
    }
}

static int bench(const struct options *o, GError **error)
{
    const struct runs_selection selection = {.directory = o->directory,
                                             .class = (unsigned)o->class,
                                             .scene = o->scene,
                                             .policy = o->policy,
                                             .seeds = (unsigned)o->seeds,
                                             .swap_only = o->swap_only};
    struct runs *runs = runs_new(&selection, error);
    int status = EXIT_USAGE;

    if (!runs)
        return status;
    if (o->list) {
        list(runs);
        status = EXIT_MET;
    } else if (o->explain) {
        status = explain(runs, o->explain, error) ? EXIT_MET : EXIT_USAGE;
    } else {
        runs_perform(runs, true);
        report_tables(runs);
        status = report_goals(runs) ? EXIT_MET : EXIT_MISSED;
        if (!write_all(runs, o, error))
            status = EXIT_USAGE;
    }
    runs_free(runs);
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    struct options options = {0};
    int status = EXIT_USAGE;

    if (parse(&options, &argc, &argv, &error))
        status = bench(&options, &error);
    if (error)
        log_error("%s", error->message);
    clear(&options);
    return status;
}
