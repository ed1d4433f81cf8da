/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aerostat-lab: one scenario on real guests against the real daemon. The scenario is read, each
 * guest's work is measured alone if the scenario wants it, the run is made and recorded, and what
 * came of it is printed and judged.
 */
#include <stdio.h>

#include "base/log.h"
#include "config.h"
#include "lab/alone.h"
#include "lab/calibrate.h"
#include "lab/loop.h"
#include "lab/options.h"
#include "lab/run.h"
#include "lab/tempdir.h"
#include "lab/vm.h"
#include "scenario/error.h"
#include "scenario/export.h"
#include "scenario/judge.h"
#include "scenario/plot.h"
#include "scenario/summary.h"

/* Where pagers keep what must outlive them and cost no I/O: a tmpfs. */
#define MEMORY_PARENT "/dev/shm"

static void introduce(const struct scenario *s, const struct options *o)
{
    printf("%s: %u guests, %s, %.0f s, %s\n", s->title, s->guests->len,
           o->manager      ? "another manager"
           : o->no_manager ? "without the daemon"
           : o->observe    ? "the daemon observes"
                           : s->mode,
           s->length, lab_vm_accelerator());
    if (s->random)
        printf("What is done at random times is done at these again with AEROSTAT_SEED=%u.\n",
               s->seed);
    (void)fflush(stdout);
}

/* *ret_rates stays NULL where the pass is left out. */
static bool measure_alone(const struct scenario *s, const struct options *o, const char *directory,
                          GArray **ret_rates, GError **error)
{
    if (!s->alone || o->no_alone)
        return true;
    printf("Each guest alone first, to compare with ...\n");
    (void)fflush(stdout);
    *ret_rates = alone_measure(s, directory, error);
    return *ret_rates != NULL;
}

static bool run_and_record(struct record *r, const struct options *o, const char *directory,
                           const char *memory, GError **error)
{
    g_autoptr(GArray) rates = NULL;
    const struct run_config config = {
        .directory = directory,
        .memory = memory,
        .managed = !o->no_manager,
        .peer = o->manager,
        .mode = o->observe ? "observe" : r->scenario->mode,
        .live = !o->quiet,
        .keep_logs = o->keep,
    };

    if (!measure_alone(r->scenario, o, directory, &rates, error) ||
        !run_scenario(r, &config, error))
        return false;
    if (rates)
        alone_apply(rates, r);
    return true;
}

static bool export_all(const struct record *r, const struct options *o, GError **error)
{
    return (!o->csv || export_csv(r, o->csv, error)) &&
           (!o->json || export_json(r, o->json, error)) &&
           (!o->svg || plot_write(r, o->svg, error));
}

static int perform(struct record *r, const struct options *o, GError **error)
{
    g_autofree char *directory = tempdir_new(g_get_tmp_dir(), error);
    g_autofree char *memory = NULL;
    int status = LAB_EXIT_TROUBLE;

    if (!directory)
        return status;
    if (r->scenario->pager)
        memory = tempdir_new(MEMORY_PARENT, error);
    if ((memory || !r->scenario->pager) && run_and_record(r, o, directory, memory, error) &&
        export_all(r, o, error)) {
        summary_print(r);
        status = judge_all(r) ? LAB_EXIT_OK : LAB_EXIT_MISSED;
    } else if (error && !*error) {
        g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "interrupted");
    }
    if (memory)
        tempdir_remove(memory);
    if (o->keep)
        printf("Logs are kept in %s\n", directory);
    else
        tempdir_remove(directory);
    return status;
}

static bool check_real(const struct scenario *s, GError **error)
{
    const struct scenario_guest *g = scenario_only_simulated(s);

    if (s->trace)
        return scenario_fail(error, "%s: a trace can only be simulated: try aerostat simulate",
                             s->path);
    return !g || scenario_fail(error,
                               "%s: guest %s has a balloon or statistics that can only be "
                               "simulated: try aerostat simulate",
                               s->path, g->name);
}

static int run_file(const struct options *o, GError **error)
{
    struct scenario *scenario = scenario_load(o->scenario, error);
    struct record *record;
    int status;

    if (!scenario)
        return LAB_EXIT_USAGE;
    if (!check_real(scenario, error)) {
        scenario_free(scenario);
        return LAB_EXIT_USAGE;
    }
    if (o->check) {
        scenario_free(scenario);
        return LAB_EXIT_OK;
    }
    introduce(scenario, o);
    record = record_new(scenario);
    status = perform(record, o, error);
    record_free(record);
    scenario_free(scenario);
    return status;
}

static int run_calibration(const struct options *o, GError **error)
{
    g_autofree char *directory = tempdir_new(g_get_tmp_dir(), error);
    g_autofree char *memory = directory ? tempdir_new(MEMORY_PARENT, error) : NULL;
    bool ok = memory && calibrate(directory, memory, o->scenario, error);

    if (memory)
        tempdir_remove(memory);
    if (directory)
        tempdir_remove(directory);
    if (!ok && error && !*error)
        g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "interrupted");
    return ok ? LAB_EXIT_OK : LAB_EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    struct options options;
    int status = LAB_EXIT_USAGE;

    if (options_parse(&options, &argc, &argv, &error)) {
        if (options.version) {
            printf("aerostat-lab %s\n", AEROSTAT_VERSION);
            status = LAB_EXIT_OK;
        } else {
            loop_init();
            status =
                options.calibrate ? run_calibration(&options, &error) : run_file(&options, &error);
        }
    }
    if (error)
        log_error("%s", error->message);
    options_clear(&options);
    return status;
}
