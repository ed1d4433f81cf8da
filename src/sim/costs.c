/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/costs.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "core/units.h"
#include "scenario/keytable.h"

#define SECTION "costs"

/* A time of more than this, in microseconds, is a mistake. */
#define USEC_MAX 1e6

/* As measured on a host of 2 processors with guests under TCG: everything that a guest computes
 * takes ten times as long as under KVM, what the host does for it does not. */
struct sim_costs sim_costs_default(void)
{
    return (struct sim_costs){
        .fill_rate = 500 * MIB,
        .inflate_rate = 578 * MIB,
        .deflate_rate = 2157 * MIB,
        .touch_usec = 2.9,
        .write_usec = 1.2,
        .first_touch_usec = 4.6,
        .guest_swap_in_usec = 473,
        .guest_swap_out_rate = 157 * MIB,
        .file_read_usec = 11.2,
        .file_reread_usec = 3.4,
        .load_compressed_usec = 32,
        .load_swapped_usec = 120,
        .evict_compressed_rate = 355 * MIB,
        .evict_swapped_rate = 747 * MIB,
        .kernel_swap_in_usec = 109,
        .kernel_swap_out_rate = 470 * MIB,
        .swap_disk_rate = 200 * MIB, /* not measured: 50,000 pages a second */
        .ksm_scan_rate = 600 * MIB,
        .ksm_break_usec = 6,
        .guest_base = 0.032,
        .guest_base_bytes = 57 * MIB,
        .boot_resident = 0,
        .boot_resident_bytes = 115 * MIB,
    };
}

#define COST(member, of_unit)                                                                      \
    {                                                                                              \
        .name = #member, .unit = SIM_COST_##of_unit, .offset = offsetof(struct sim_costs, member)  \
    }

static const struct sim_cost table[] = {
    COST(fill_rate, RATE),
    COST(inflate_rate, RATE),
    COST(deflate_rate, RATE),
    COST(touch_usec, USEC),
    COST(write_usec, USEC),
    COST(first_touch_usec, USEC),
    COST(guest_swap_in_usec, USEC),
    COST(guest_swap_out_rate, RATE),
    COST(file_read_usec, USEC),
    COST(file_reread_usec, USEC),
    COST(load_compressed_usec, USEC),
    COST(load_swapped_usec, USEC),
    COST(evict_compressed_rate, RATE),
    COST(evict_swapped_rate, RATE),
    COST(kernel_swap_in_usec, USEC),
    COST(kernel_swap_out_rate, RATE),
    COST(swap_disk_rate, RATE),
    COST(ksm_scan_rate, RATE),
    COST(ksm_break_usec, USEC),
    COST(guest_base, PART),
    COST(guest_base_bytes, BYTES),
    COST(boot_resident, PART),
    COST(boot_resident_bytes, BYTES),
};

const struct sim_cost *sim_cost_table(size_t *ret_n)
{
    *ret_n = G_N_ELEMENTS(table);
    return table;
}

const struct sim_cost *sim_cost_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static bool is_whole(const struct sim_cost *cost)
{
    return cost->unit == SIM_COST_RATE || cost->unit == SIM_COST_BYTES;
}

double sim_cost_get(const struct sim_costs *costs, const struct sim_cost *cost)
{
    const char *member = (const char *)costs + cost->offset;

    return is_whole(cost) ? (double)*(const uint64_t *)(const void *)member
                          : *(const double *)(const void *)member;
}

void sim_cost_set(struct sim_costs *costs, const struct sim_cost *cost, double value)
{
    char *member = (char *)costs + cost->offset;

    if (is_whole(cost))
        *(uint64_t *)(void *)member = (uint64_t)fmax(value, 0);
    else
        *(double *)(void *)member = value;
}

static bool parse_usec(const char *text, void *member)
{
    return number_parse(text, 0, USEC_MAX, member);
}

static bool parse_part(const char *text, void *member)
{
    return number_parse(text, 0, 1, member);
}

static const struct key_own usec_key = {parse_usec, "microseconds, up to 1000000"};
static const struct key_own part_key = {parse_part, "a part, from 0 to 1"};

static struct key_spec key_of(const struct sim_cost *cost)
{
    return (struct key_spec){
        .name = cost->name,
        .type = is_whole(cost) ? KEY_SIZE : KEY_OWN,
        .offset = cost->offset,
        .detail = cost->unit == SIM_COST_USEC   ? &usec_key
                  : cost->unit == SIM_COST_PART ? &part_key
                                                : NULL,
    };
}

/* Rates divide. */
static bool rates_are_there(const struct sim_costs *costs, const struct inifile *ini,
                            GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (table[i].unit == SIM_COST_RATE && sim_cost_get(costs, &table[i]) < 1)
            return inifile_fail(ini, SECTION, table[i].name, error, "is to be more than 0");
    return true;
}

static bool only_section(const struct inifile *ini, GError **error)
{
    gsize n;
    g_auto(GStrv) sections = g_key_file_get_groups(inifile_keys(ini), &n);

    if (n == 1 && strcmp(sections[0], SECTION) == 0)
        return true;
    return inifile_fail(ini, n > 0 ? sections[0] : "", NULL, error,
                        "a file of costs has one section, [" SECTION "]");
}

bool sim_costs_load(struct sim_costs *costs, const char *path, GError **error)
{
    struct inifile *ini = inifile_load(path, error);
    struct key_spec keys[G_N_ELEMENTS(table)];
    bool ok;

    if (!ini)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        keys[i] = key_of(&table[i]);
    ok = only_section(ini, error) &&
         keytable_read(ini, SECTION, keys, G_N_ELEMENTS(keys), NULL, costs, error) &&
         rates_are_there(costs, ini, error);
    inifile_free(ini);
    return ok;
}

void sim_costs_print(const struct sim_costs *costs, FILE *out)
{
    fprintf(out, "[" SECTION "]\n");
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        double value = sim_cost_get(costs, &table[i]);
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        (void)g_ascii_formatd(text, sizeof(text), is_whole(&table[i]) ? "%.0f" : "%.4g", value);
        fprintf(out, "%s = %s\n", table[i].name, text);
    }
}
