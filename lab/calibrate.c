/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator knows nothing of this host but what is measured here. Each cost is measured several
 * times, each time as a program in a guest feels it, and the median counts; the least and the most
 * are printed beside it, and what could not be told keeps its default, and is said.
 */
#include "lab/calibrate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/units.h"
#include "lab/vm.h"
#include "scenario/error.h"

/* How each was measured, for people. */
static const struct {
    const char *name, *how;
} methods[] = {
    {"fill_rate", "a program takes 300M that the guest has used before"},
    {"inflate_rate", "the balloon of an idle guest takes 362M"},
    {"deflate_rate", "and gives them back"},
    {"touch_usec", "a page of 300M at random, read and checked"},
    {"write_usec", "the same with each page written, less reading"},
    {"first_touch_usec", "300M taken after the balloon had them, less taken again"},
    {"guest_swap_in_usec", "a page of 300M at random, a third of it swapped: for each miss"},
    {"guest_swap_out_rate", "the balloon takes what is used"},
    {"file_read_usec", "a file of 120M that is not in the page cache"},
    {"file_reread_usec", "the same again"},
    {"load_compressed_usec", "a page of 200M at random, more than half put out: for each fault"},
    {"load_swapped_usec", "the same"},
    {"evict_compressed_rate", "the capacity falls; compressible content"},
    {"evict_swapped_rate", "the capacity falls; random content"},
    {"kernel_swap_in_usec", "as load_swapped_usec, in private memory"},
    {"kernel_swap_out_rate", "as evict_swapped_rate, in private memory"},
    {"ksm_scan_rate", "two guests that are alike: pages a second by processor time"},
    {"ksm_break_usec", "merged pages are written to, less the same again"},
    {"guest_base", "guests of 160M and 512M, booted: not available"},
    {"guest_base_bytes", "the same"},
    {"boot_resident", "guests of 160M and 512M, booted: resident"},
    {"boot_resident_bytes", "the same"},
};

static const char *how(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].how;
    return "";
}

void calibration_add(struct calibration *c, const char *name, double value)
{
    size_t n;
    const struct sim_cost *table = sim_cost_table(&n), *cost = sim_cost_find(name);

    g_assert(cost && n <= CALIBRATION_COSTS_MAX);
    figure_add(&c->figures[cost - table], value);
}

struct sim_costs calibration_costs(const struct calibration *c)
{
    struct sim_costs costs = sim_costs_default();
    size_t n;
    const struct sim_cost *table = sim_cost_table(&n);

    for (size_t i = 0; i < n; i++)
        if (c->figures[i].n > 0)
            sim_cost_set(&costs, &table[i], figure_median(&c->figures[i]));
    return costs;
}

/* In the unit in which people read it. */
static double readable(const struct sim_cost *cost, double value)
{
    return cost->unit == SIM_COST_RATE || cost->unit == SIM_COST_BYTES ? value / (double)MIB
                                                                       : value;
}

static void print(const struct calibration *c)
{
    static const char *const units[] = {"MiB/s", "MiB", "us", ""};
    size_t n;
    const struct sim_cost *table = sim_cost_table(&n);

    printf("\n%-22s %9s %-5s %19s  %s\n", "cost", "median", "", "least .. most", "measured");
    for (size_t i = 0; i < n; i++) {
        const struct figure *f = &c->figures[i];
        const struct sim_cost *cost = &table[i];

        if (f->n == 0)
            printf("%-22s %9s %-5s %19s  not measured: keeps its default\n", cost->name, "-",
                   units[cost->unit], "");
        else
            printf("%-22s %9.4g %-5s %8.4g .. %7.4g  %ux: %s\n", cost->name,
                   readable(cost, figure_median(f)), units[cost->unit],
                   readable(cost, figure_least(f)), readable(cost, figure_most(f)), f->n,
                   how(cost->name));
    }
}

static bool write_costs(const struct calibration *c, const char *path, GError **error)
{
    const struct sim_costs costs = calibration_costs(c);
    FILE *out = fopen(path, "we");
    bool ok = out != NULL;

    if (ok) {
        fprintf(out,
                "# What things cost, as `aerostat-lab --calibrate` measured it with %s on %u "
                "processors.\n",
                lab_vm_accelerator(), g_get_num_processors());
        sim_costs_print(&costs, out);
        ok = fclose(out) == 0;
    }
    if (!ok)
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s: %s", path,
                    g_strerror(errno));
    return ok;
}

bool calibrate(const char *directory, const char *memory, const char *path, GError **error)
{
    struct calibration c = {.directory = directory, .memory = memory};

    printf("What things cost with %s on %u processors: some minutes, in which nothing else should "
           "run.\n",
           lab_vm_accelerator(), g_get_num_processors());
    if (!calibrate_guest(&c, error) || !calibrate_host(&c, error))
        return false;
    print(&c);
    return !path || write_costs(&c, path, error);
}
