/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's means cost, from the records of scenarios under the real daemon. A guest without
 * a balloon driver has 200M in use; the capacity falls, and its pager (or the kernel) puts out most
 * of it: while the guest rests, to see how fast; then while it works, to see what a miss costs.
 */
#include <glib/gstdio.h>
#include <math.h>

#include "core/units.h"
#include "lab/calibrate.h"
#include "lab/run.h"
#include "scenario/error.h"

#define PAGE_BYTES 4096.0
#define SET        (200.0 * MIB)

/* @content@ of its memory, @more@ of the guest, @least@ capacity. */
#define SQUEEZE                                                                                    \
    "[scenario]\ntitle = What it costs to be out of memory\ncapacity = 700M\nlength = 42s\n"       \
    "pager = yes\ninterval = 100ms\n"                                                              \
    "phase.1 = at 9s capacity @least@\nphase.2 = at 11s capacity 700M\n"                           \
    "phase.3 = at 14s capacity @least@\nphase.4 = at 16s capacity 700M\n"                          \
    "phase.5 = at 19s capacity @least@\nphase.6 = at 21s capacity 700M\n"                          \
    "phase.7 = at 24s capacity @least@\nphase.8 = at 38s capacity 700M\n"                          \
    "[guest squeezed]\nsize = 384M\nballoon = no-driver\n@more@"                                   \
    "phase.1 = at 0 fill 200M @content@\nphase.2 = at 3s touch 200M\nphase.3 = at 8s idle\n"       \
    "phase.4 = at 11s verify\nphase.5 = at 14s idle\nphase.6 = at 16s verify\n"                    \
    "phase.7 = at 19s idle\nphase.8 = at 21s verify\nphase.9 = at 24s touch 200M\n"                \
    "phase.10 = at 38s verify\n"

struct span {
    double from, to;
};
static const struct span undisturbed = {4.5, 8};
static const struct span falls[] = {{9, 11}, {14, 16}, {19, 21}};
static const struct span squeezed[] = {{26, 30}, {30, 34}, {34, 38}};

/* A look at what a sample counts. */
typedef double (*count_fn)(const struct guest_sample *s);

static double put_out(const struct guest_sample *s)
{
    return (double)(s->pager.evicted + s->kernel.swapped);
}

static double in_memory(const struct guest_sample *s)
{
    return (double)(s->pager.faults - s->pager.faults_swapped);
}

static double on_disk(const struct guest_sample *s)
{
    return (double)s->pager.faults_swapped;
}

/* How fast @count moved in the middle of what it did in the span, and... */
static double speed_in(const struct record *r, struct span span, count_fn count)
{
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(struct point));

    for (unsigned i = 0; i < r->hosts->len; i++) {
        struct point p = {.t = record_host(r, i)->t, .value = count(record_guest(r, i, 0))};

        if (p.t >= span.from && p.t < span.to)
            g_array_append_val(points, p);
    }
    return figures_speed((const struct point *)(const void *)points->data, points->len, 0, 0.9);
}

/* What a guest did in a span: from its own reports, and from what was counted of it. */
struct did {
    double usec;         /* for each operation */
    double memory, disk; /* faults for each operation, by where the page was */
    double out;          /* bytes, on average */
};

static double guest_time(const struct guest_sample *s)
{
    return (double)s->report.received;
}

static struct did did_in(const struct record *r, struct span span)
{
    const struct guest_sample *first = NULL, *last = NULL;
    double begin = 0, end = 0, operations, out = 0;
    unsigned n = 0;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        double t = record_host(r, i)->t;

        if (t < span.from || t > span.to)
            continue;
        last = record_guest(r, i, 0);
        end = t;
        if (!first) {
            first = last;
            begin = t;
        }
        out += (double)guest_sample_out(last);
        n++;
    }
    if (n == 0)
        return (struct did){.usec = (double)NAN};

    struct did did = {.out = out / n};

    operations = (double)(last->report.operations - first->report.operations);
    did.usec = (guest_time(last) - guest_time(first)) / operations;
    /* What was counted between two samples, for the operations between two samples. */
    operations = (end - begin) * 1e6 / did.usec;
    did.memory = (in_memory(last) - in_memory(first)) / operations;
    did.disk = (on_disk(last) - on_disk(first)) / operations;
    return did;
}

/* --- runs --- */

static bool run(struct calibration *c, const char *text, struct scenario **ret_scenario,
                struct record **ret_record, GError **error)
{
    g_autofree char *path = g_build_filename(c->directory, "calibration.ini", NULL);
    g_autoptr(GError) why = NULL;
    const struct run_config config = {
        .directory = c->directory, .memory = c->memory, .managed = true, .mode = "manage"};

    if (!g_file_set_contents(path, text, -1, &why)) {
        g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, why->message);
        return false;
    }
    *ret_scenario = scenario_load(path, error);
    if (!*ret_scenario)
        return false;
    *ret_record = record_new(*ret_scenario);
    if (run_scenario(*ret_record, &config, error))
        return true;
    record_free(*ret_record);
    scenario_free(*ret_scenario);
    return false;
}

/* What one squeezed guest showed. */
struct squeeze {
    struct losses losses[G_N_ELEMENTS(squeezed)];
    double speeds[G_N_ELEMENTS(falls)];
    double misses[G_N_ELEMENTS(squeezed)]; /* for each operation, by what of its set is out */
};

static void look(const struct record *r, struct squeeze *ret)
{
    struct did alone = did_in(r, undisturbed);
    const struct guest_sample *end = record_last(r, 0);

    for (size_t i = 0; i < G_N_ELEMENTS(falls); i++)
        ret->speeds[i] = speed_in(r, falls[i], put_out);
    for (size_t i = 0; i < G_N_ELEMENTS(squeezed); i++) {
        struct did did = did_in(r, squeezed[i]);

        ret->losses[i] =
            (struct losses){.usec = did.usec - alone.usec, .a = did.memory, .b = did.disk};
        /* What is out at the end, when all of the set was verified, is none of it. */
        ret->misses[i] = (did.out - (double)guest_sample_out(end)) / SET;
    }
}

static bool squeeze(struct calibration *c, const char *content, const char *more, const char *least,
                    struct squeeze *ret, GError **error)
{
    g_autoptr(GString) text = g_string_new(SQUEEZE);
    struct scenario *scenario;
    struct record *record;

    g_string_replace(text, "@content@", content, 0);
    g_string_replace(text, "@more@", more, 0);
    g_string_replace(text, "@least@", least, 0);
    if (!run(c, text->str, &scenario, &record, error))
        return false;
    look(record, ret);
    record_free(record);
    scenario_free(scenario);
    return true;
}

/* Faults of both kinds come in both runs, in different parts. */
static void add_loads(struct calibration *c, const struct squeeze *compressed,
                      const struct squeeze *swapped)
{
    for (size_t i = 0; i < G_N_ELEMENTS(squeezed); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(squeezed); k++) {
            double in_memory_usec, on_disk_usec;

            figures_two_kinds(compressed->losses[i], swapped->losses[k], &in_memory_usec,
                              &on_disk_usec);
            calibration_add(c, "load_compressed_usec", in_memory_usec);
            calibration_add(c, "load_swapped_usec", on_disk_usec);
        }
}

static bool measure_swaps(struct calibration *c, GError **error)
{
    struct squeeze compressed, swapped, kernel;

    if (!squeeze(c, "compressible=0.3", "", "140M", &compressed, error) ||
        !squeeze(c, "random", "", "160M", &swapped, error) ||
        !squeeze(c, "random", "ram = private\n", "160M", &kernel, error))
        return false;
    add_loads(c, &compressed, &swapped);
    for (size_t i = 0; i < G_N_ELEMENTS(falls); i++) {
        calibration_add(c, "evict_compressed_rate", compressed.speeds[i]);
        calibration_add(c, "evict_swapped_rate", swapped.speeds[i]);
        calibration_add(c, "kernel_swap_out_rate", kernel.speeds[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(squeezed); i++)
        calibration_add(c, "kernel_swap_in_usec",
                        figures_miss_usec(0, kernel.losses[i].usec, kernel.misses[i]));
    return true;
}

/* --- KSM --- */

/* Two guests that are alike; then one writes. */
#define ALIKE                                                                                      \
    "[scenario]\ntitle = What it costs to be alike\ncapacity = 700M\nlength = 40s\npager = yes\n"  \
    "interval = 100ms\n"                                                                           \
    "[daemon]\nshare.max-cpu = 0.8\nshare.rest-cpu = 0.8\n"                                        \
    "[guest alike]\ncount = 2\nsize = 144M\nram = private\nshare = lab\n"                          \
    "phase.1 = at 0 fill 50M same\nphase.2 = at 30s touch 50M writes=1 ops=2000\n"                 \
    "phase.3 = at 33s touch 50M writes=1\nphase.4 = at 36s touch 50M writes=1 ops=2000\n"

static const struct span scans = {5, 30}, first_writes = {30.4, 33}, later_writes = {36.6, 40};
#define SCANS_CPU_MIN 0.05 /* with less of a processor the rate says little */

/* Median of what the guests' reports said of their touches. */
static double latency_in(const struct record *r, struct span span)
{
    struct figure f = {0};

    for (unsigned i = 0; i < r->hosts->len; i++)
        for (unsigned g = 0; g < r->guests; g++) {
            const struct guest_sample *s = record_guest(r, i, g);

            if (record_host(r, i)->t >= span.from && record_host(r, i)->t < span.to &&
                s->report.latency_p50_usec > 0)
                figure_add(&f, s->report.latency_p50_usec);
        }
    return figure_median(&f);
}

static bool measure_sharing(struct calibration *c, GError **error)
{
    struct scenario *scenario;
    struct record *record;

    if (!run(c, ALIKE, &scenario, &record, error))
        return false;
    for (unsigned i = 0; i < record->hosts->len; i++) {
        const struct host_sample *h = record_host(record, i);

        if (h->t >= scans.from && h->t < scans.to && h->share_cpu >= SCANS_CPU_MIN)
            calibration_add(c, "ksm_scan_rate", h->memory.ksm_rate * PAGE_BYTES / h->share_cpu);
    }
    calibration_add(c, "ksm_break_usec",
                    latency_in(record, first_writes) - latency_in(record, later_writes));
    record_free(record);
    scenario_free(scenario);
    return true;
}

bool calibrate_host(struct calibration *c, GError **error)
{
    return measure_swaps(c, error) && measure_sharing(c, error);
}
