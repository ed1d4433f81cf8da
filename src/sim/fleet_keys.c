/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/fleet_keys.h"

#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "sim/fleet.h"

#define NUMBER_MAX 1e4

static bool parse_number(const char *text, void *member)
{
    return number_parse(text, 0, NUMBER_MAX, member);
}

/* "15%" */
static bool parse_part(const char *text, void *member)
{
    size_t len = strlen(text);
    g_autofree char *number = g_strndup(text, len > 0 ? len - 1 : 0);
    double percent;

    if (len == 0 || text[len - 1] != '%' || !parse_number(number, &percent) || percent > 100)
        return false;
    *(double *)member = percent / 100;
    return true;
}

/* "15% 1s" */
static bool parse_reuse(const char *text, void *member)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 3);
    struct fleet_reuse reuse;
    uint64_t usec;

    if (g_strv_length(words) != 2 || !parse_part(words[0], &reuse.part) ||
        !duration_parse(words[1], &usec) || usec == 0)
        return false;
    reuse.interval = (double)usec / (double)USEC_PER_SEC;
    *(struct fleet_reuse *)member = reuse;
    return true;
}

/* "9:30" */
static bool parse_clock(const char *text, double *ret)
{
    g_auto(GStrv) words = g_strsplit(text, ":", 3);
    guint64 hour, minute;

    if (g_strv_length(words) != 2 || strlen(words[1]) != 2 ||
        !g_ascii_string_to_unsigned(words[0], 10, 0, 24, &hour, NULL) ||
        !g_ascii_string_to_unsigned(words[1], 10, 0, 59, &minute, NULL) ||
        hour * 60 + minute > 1440)
        return false;
    *ret = (double)(hour * 3600 + minute * 60);
    return true;
}

static bool parse_hours(const char *text, void *member)
{
    g_auto(GStrv) words = g_strsplit(text, "-", 3);
    struct fleet_hours hours;

    if (g_strv_length(words) != 2 || !parse_clock(words[0], &hours.from) ||
        !parse_clock(words[1], &hours.to))
        return false;
    *(struct fleet_hours *)member = hours;
    return true;
}

static bool parse_many(const char *text, void *member)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, 1, FLEET_GUESTS_MAX, &value, NULL))
        return false;
    *(unsigned *)member = (unsigned)value;
    return true;
}

static const struct key_own size_dist = {dist_parse_size, DIST_SIZES};
static const struct key_own time_dist = {dist_parse_seconds, DIST_SECONDS};
static const struct key_own part = {parse_part, "a part from 0% to 100%"};
static const struct key_own reuse = {parse_reuse, "a part and a time, as 20% 1min"};
static const struct key_own hours = {parse_hours, "hours of the day, as 9:00-17:30"};
static const struct key_own number = {parse_number, "a number, 0 or more"};
static const struct key_own many = {parse_many, "a number of guests"};

static const char *const ram_words[] = {"memfd", "private", NULL};
static const char *const balloon_words[] = {"works",     "slow",      "stuck", "ignores",
                                            "no-driver", "no-device", NULL};
static const char *const stats_words[] = {"true", "none",    "frozen", "late", "windows",
                                          "idle", "starved", "absurd", NULL};
static const char *const shares_words[] = {"low", "normal", "high", NULL};

#define MEMBER(name) offsetof(struct fleet_host, name)

const struct key_spec FLEET_HOST_KEYS[] = {
    {"memory", KEY_SIZE, MEMBER(memory), NULL},
    {"reserve", KEY_SIZE, MEMBER(reserve), NULL},
    {"swap", KEY_SIZE, MEMBER(swap), NULL},
    {"cache", KEY_OWN, MEMBER(cache), &part},
};
const size_t FLEET_HOST_KEYS_N = G_N_ELEMENTS(FLEET_HOST_KEYS);

#undef MEMBER
#define MEMBER(name) offsetof(struct fleet_kind, name)

const struct key_spec FLEET_KIND_KEYS[] = {
    {"share", KEY_OWN, MEMBER(share), &part},
    {"count", KEY_OWN, MEMBER(count), &many},
    {"size", KEY_OWN, MEMBER(size), &size_dist},
    {"ram", KEY_CHOICE, MEMBER(ram), ram_words},
    {"balloon", KEY_CHOICE, MEMBER(balloon), balloon_words},
    {"stats", KEY_CHOICE, MEMBER(stats), stats_words},
    {"shares", KEY_CHOICE, MEMBER(shares), shares_words},
    {"pager", KEY_BOOL, MEMBER(pager), NULL},
    {"sharing", KEY_BOOL, MEMBER(sharing), NULL},
    {"deflate-on-oom", KEY_BOOL, MEMBER(deflate_on_oom), NULL},
    {"free-page-reporting", KEY_BOOL, MEMBER(reporting), NULL},
    {"reservation", KEY_OWN, MEMBER(reservation), &part},
    {"limit", KEY_OWN, MEMBER(limit), &part},
    {"guest-swap", KEY_SIZE, MEMBER(guest_swap), NULL},
    {"vcpus", KEY_COUNT, MEMBER(vcpus), NULL},
    {"threads", KEY_COUNT, MEMBER(threads), NULL},
    {"idle", KEY_OWN, MEMBER(idle), &size_dist},
    {"busy", KEY_OWN, MEMBER(busy), &size_dist},
    {"growth", KEY_OWN, MEMBER(growth), &size_dist},
    {"cache", KEY_OWN, MEMBER(cache), &size_dist},
    {"cache-reuse", KEY_SECONDS, MEMBER(cache_reuse), NULL},
    {"files", KEY_OWN, MEMBER(files), &size_dist},
    {"hot", KEY_OWN, MEMBER(reuse[0]), &reuse},
    {"warm", KEY_OWN, MEMBER(reuse[1]), &reuse},
    {"cold", KEY_OWN, MEMBER(reuse[2]), &reuse},
    {"zero", KEY_OWN, MEMBER(content.zero), &part},
    {"compressible", KEY_OWN, MEMBER(content.compressible), &part},
    {"compressed-to", KEY_OWN, MEMBER(content.ratio), &part},
    {"identical", KEY_OWN, MEMBER(content.identical), &part},
    {"writes", KEY_OWN, MEMBER(writes), &part},
    {"hours", KEY_OWN, MEMBER(hours), &hours},
    {"peak", KEY_OWN, MEMBER(peak), &hours},
    {"jitter", KEY_SECONDS, MEMBER(jitter), NULL},
    {"busy-part", KEY_OWN, MEMBER(busy_part), &part},
    {"peak-part", KEY_OWN, MEMBER(peak_part), &part},
    {"spell", KEY_OWN, MEMBER(spell), &time_dist},
    {"load", KEY_OWN, MEMBER(load), &part},
    {"idle-load", KEY_OWN, MEMBER(idle_load), &part},
    {"idle-use", KEY_OWN, MEMBER(idle_use), &part},
    {"bursts", KEY_OWN, MEMBER(bursts), &number},
    {"burst-size", KEY_OWN, MEMBER(burst_size), &size_dist},
    {"burst-length", KEY_OWN, MEMBER(burst_length), &time_dist},
};
const size_t FLEET_KIND_KEYS_N = G_N_ELEMENTS(FLEET_KIND_KEYS);
