/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's own table (daemon/config_table.c) has the keys' ranges and prose; it is out of reach
 * from here, and most of what stands in it has nothing to act upon in a simulation.
 */
#include "sim/settings.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "scenario/error.h"

#define PAGER_CACHE 0.1 /* [pager] cache */

enum value_type {
    VALUE_SIZE,
    VALUE_TIME,  /* usec_t */
    VALUE_PART,  /* double, [0, 1) */
    VALUE_RATIO, /* double, above 0 */
    VALUE_COUNT, /* uint64_t */
    VALUE_BOOL,
};

static const char *const type_texts[] = {
    [VALUE_SIZE] = "a size, as 64M",
    [VALUE_TIME] = "a time, as 2s",
    [VALUE_PART] = "a number from 0 to below 1",
    [VALUE_RATIO] = "a number above 0, up to 1000000",
    [VALUE_COUNT] = "a number",
    [VALUE_BOOL] = "yes or no",
};

#define AT(member)     offsetof(struct sim_settings, member)
#define POLICY(member) AT(aerostat.policy.member)

/* clang-format off */
static const struct {
    const char *section, *key;
    enum value_type type;
    size_t offset;
} keys[] = {
    {"host", "minfree", VALUE_SIZE, POLICY(minfree)},
    {"policy", "period", VALUE_TIME, AT(aerostat.period)},
    {"policy", "stats-period", VALUE_TIME, AT(aerostat.stats_period)},
    {"policy", "idle-tax", VALUE_PART, POLICY(idle_tax)},
    {"policy", "balloon-max", VALUE_PART, POLICY(balloon_max)},
    {"policy", "activity-fast", VALUE_TIME, POLICY(activity.fast_usec)},
    {"policy", "activity-slow", VALUE_TIME, POLICY(activity.slow_usec)},
    {"policy", "sampled-fast", VALUE_TIME, POLICY(sampled.fast_usec)},
    {"policy", "sampled-slow", VALUE_TIME, POLICY(sampled.slow_usec)},
    {"policy", "stats-stale", VALUE_TIME, POLICY(stats_stale_usec)},
    {"policy", "stall", VALUE_TIME, POLICY(stall_usec)},
    {"policy", "stall-backoff", VALUE_TIME, POLICY(stall_backoff_usec)},
    {"policy", "stall-backoff-max", VALUE_TIME, POLICY(stall_backoff_max_usec)},
    {"policy", "growth-floor", VALUE_SIZE, POLICY(growth_floor)},
    {"policy", "guest-reserve", VALUE_SIZE, POLICY(guest_reserve)},
    {"policy", "guest-reserve-part", VALUE_PART, POLICY(guest_reserve_part)},
    {"policy", "distress-swap-in", VALUE_SIZE, POLICY(distress_swap_in)},
    {"policy", "distress-faults", VALUE_COUNT, POLICY(distress_faults)},
    {"policy", "distress-lost", VALUE_RATIO, POLICY(distress_lost)},
    {"pager", "enable", VALUE_BOOL, AT(pager_enable)},
    {"pager", "cache", VALUE_PART, AT(pager_cache)},
    {"pager", "sample-window", VALUE_TIME, AT(aerostat.sample_window)},
    {"share", "max-cpu", VALUE_RATIO, AT(aerostat.share.cpu_max)},
    {"share", "rest-cpu", VALUE_RATIO, AT(aerostat.share.cpu_rest)},
    {"block", "enable", VALUE_BOOL, POLICY(block)},
    {"block", "slice", VALUE_TIME, POLICY(block_slice_usec)},
    {"block", "part", VALUE_PART, POLICY(block_part)},
};
/* clang-format on */

struct sim_settings sim_settings_default(void)
{
    return (struct sim_settings){
        .aerostat = manager_aerostat_config_default(),
        .pager_cache = PAGER_CACHE,
        .pager_enable = true,
    };
}

static bool parse_part(const char *text, double *ret)
{
    double value;

    if (!number_parse(text, 0, 1, &value) || value == 1)
        return false;
    *ret = value;
    return true;
}

/* As the daemon has it: a time of nothing is none. */
static bool parse_time(const char *text, usec_t *ret)
{
    usec_t usec;

    if (!duration_parse(text, &usec) || usec == 0)
        return false;
    *ret = usec;
    return true;
}

static bool parse_value(enum value_type type, const char *text, void *member)
{
    guint64 count;

    switch (type) {
    case VALUE_SIZE:
        return size_parse(text, member);
    case VALUE_TIME:
        return parse_time(text, member);
    case VALUE_PART:
        return parse_part(text, member);
    case VALUE_RATIO:
        return number_parse(text, 1e-6, 1e6, member);
    case VALUE_COUNT:
        if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &count, NULL))
            return false;
        *(uint64_t *)member = count;
        return true;
    case VALUE_BOOL:
        return yes_no_parse(text, member);
    }
    return false;
}

enum settings_outcome sim_settings_set(struct sim_settings *settings, const char *section,
                                       const char *key, const char *value, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].key, key) != 0)
            continue;
        if (parse_value(keys[i].type, value, (char *)settings + keys[i].offset))
            return SETTINGS_TAKEN;
        scenario_fail(error, "%s.%s: \"%s\"; allowed is %s", section, key, value,
                      type_texts[keys[i].type]);
        return SETTINGS_WRONG;
    }
    return SETTINGS_NOT_SIMULATED;
}
