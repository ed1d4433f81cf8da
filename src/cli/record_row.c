/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's programs own is what the guest sees, less what is free and page cache, and less
 * what a kernel keeps for itself (as the simulator has it); where its statistics are not believed,
 * what of it is resident or was put out. Sampling sees pages, not whose they are: what was touched
 * within a window counts as memory of programs first, and beyond that as page cache.
 */
#include "cli/record_row.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "cli/members.h"
#include "core/units.h"
#include "sim/costs.h"

/* What is out tells what memory holds once there is this much of it. */
#define CONTENT_LEAST (16 * MIB)

#define WINDOWS 4

const char RECORD_HEADER[] = "time,guest,size,owned,used_1s,used_10s,used_60s,used_600s,"
                             "cache,cache_used_1s,cache_used_10s,cache_used_60s,cache_used_600s,"
                             "zero,compressible,ratio,identical,"
                             "shares,reservation,limit,exempt,ram,balloon,pager,share,"
                             "granted,resident,active,out,lost\n";

static const char *const window_names[WINDOWS] = {"1s", "10s", "1min", "10min"};

/* Where ACTIVE goes that was not sampled: of a minute. */
#define ACTIVE_WINDOW 2

struct memory {
    uint64_t owned, cache, out;
    uint64_t used[WINDOWS], cache_used[WINDOWS];
};

static void put_name(GString *out, const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, "\"", -1);
    g_autofree char *quoted = g_strjoinv("\"\"", parts);

    if (strpbrk(name, ",\" #"))
        g_string_append_printf(out, "\"%s\"", quoted);
    else
        g_string_append(out, name);
}

static void put_u64(GString *out, uint64_t value)
{
    g_string_append_c(out, ',');
    if (value != UNKNOWN_U64)
        g_string_append_printf(out, "%" PRIu64, value);
}

static void put_part(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_c(out, ',');
    if (!isnan(value))
        g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.4f", CLAMP(value, 0, 1)));
}

static void put_word(GString *out, const char *word)
{
    g_string_append_printf(out, ",%s", word);
}

static uint64_t known(uint64_t value)
{
    return value == UNKNOWN_U64 ? 0 : value;
}

static uint64_t base_of(uint64_t size)
{
    struct sim_costs costs = sim_costs_default();

    return (uint64_t)(costs.guest_base * (double)size) + costs.guest_base_bytes;
}

static uint64_t out_of(struct json_object *guest)
{
    struct json_object *bytes = json_get_object(json_get_object(guest, "pager"), "bytes");

    return known(member_u64(bytes, "zero")) + known(member_u64(bytes, "compressed")) +
           known(member_u64(bytes, "swapped")) +
           known(member_u64(json_get_object(guest, "kernel_swap"), "swapped"));
}

static void read_owned(struct memory *m, struct json_object *guest, uint64_t size)
{
    struct json_object *stats = json_get_object(guest, "stats");
    const char *trust = member_string(stats, "trust");
    uint64_t granted = known(member_u64(guest, "granted"));
    uint64_t free = member_u64(stats, "free"), caches = member_u64(stats, "caches");
    uint64_t used = known(member_u64(guest, "resident")) + m->out;

    if (trust && strcmp(trust, "fresh") == 0 && free != UNKNOWN_U64 && caches != UNKNOWN_U64) {
        used = u64_sub(granted, free + caches);
        m->cache = caches;
    }
    m->owned = u64_min(u64_sub(used, base_of(size)), size);
}

/* Each window includes those before it, whatever the figures say. An empty field would mean what
 * the line before says: so a window of which nothing is known is as the one before it. */
static void read_used(struct memory *m, struct json_object *guest)
{
    struct json_object *set = json_get_object(json_get_object(guest, "pager"), "working_set");
    uint64_t owned = 0, cached = 0;

    for (unsigned i = 0; i < WINDOWS; i++) {
        uint64_t touched = member_u64(set, window_names[i]);

        if (!set && i == ACTIVE_WINDOW)
            touched = u64_min(member_u64(guest, "active"), m->owned);
        if (touched != UNKNOWN_U64) {
            owned = u64_max(owned, u64_min(touched, m->owned));
            cached = u64_max(cached, u64_min(u64_sub(touched, m->owned), m->cache));
        }
        m->used[i] = owned;
        m->cache_used[i] = cached;
    }
}

static void put_memory(GString *out, const struct memory *m)
{
    put_u64(out, m->owned);
    for (unsigned i = 0; i < WINDOWS; i++)
        put_u64(out, m->used[i]);
    put_u64(out, m->cache);
    for (unsigned i = 0; i < WINDOWS; i++)
        put_u64(out, m->cache_used[i]);
}

/* What its memory holds, as far as its pager, or KSM, has seen. */
static void put_content(GString *out, struct json_object *guest)
{
    struct json_object *pager = json_get_object(guest, "pager");
    struct json_object *bytes = json_get_object(pager, "bytes");
    double zero = (double)known(member_u64(bytes, "zero"));
    double compressed = (double)known(member_u64(bytes, "compressed"));
    double all = zero + compressed + (double)known(member_u64(bytes, "swapped"));
    double ratio = member_double(json_get_object(pager, "cache"), "ratio");
    double merged = (double)known(member_u64(json_get_object(guest, "shared"), "merged"));
    double resident = (double)known(member_u64(guest, "resident"));
    bool seen = all >= (double)CONTENT_LEAST;

    put_part(out, seen ? zero / all : UNKNOWN_DOUBLE);
    put_part(out, seen ? compressed / all : UNKNOWN_DOUBLE);
    put_part(out, seen && ratio >= 1 ? 1 / ratio : UNKNOWN_DOUBLE);
    put_part(out, merged > 0 && resident > 0 ? merged / resident : UNKNOWN_DOUBLE);
}

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static const char *balloon_word(struct json_object *guest)
{
    const char *driver = member_string(json_get_object(guest, "balloon"), "driver");

    if (is(driver, "absent"))
        return "no-driver";
    return is(driver, "no-device") ? "no-device" : "yes";
}

static void put_settings(GString *out, struct json_object *guest)
{
    const char *ram = member_string(guest, "ram");
    bool paged = json_get_object(guest, "pager") || json_get_object(guest, "kernel_swap");
    bool shared = member_string(json_get_object(guest, "shared"), "domain") != NULL;
    uint64_t shares = member_u64(guest, "shares");

    put_u64(out, shares > 0 ? shares : UNKNOWN_U64);
    put_u64(out, member_u64(guest, "reservation"));
    put_u64(out, member_u64(guest, "limit"));
    put_word(out, is(member_yes_no(guest, "exempt"), "yes") ? "yes" : "no");
    put_word(out, is(ram, "private") ? "private" : "memfd");
    put_word(out, balloon_word(guest));
    put_word(out, paged ? "yes" : "no");
    put_word(out, shared ? "yes" : "no");
}

static void put_no_settings(GString *out)
{
    g_string_append(out, ",,,,,,,,");
}

bool record_row(GString *out, double time, struct json_object *guest, bool first)
{
    uint64_t size = member_u64(guest, "size");
    const char *name = member_string(guest, "name");
    struct memory m = {.out = out_of(guest)};

    if (!name || size == UNKNOWN_U64 || size == 0 || member_u64(guest, "granted") == UNKNOWN_U64)
        return false;
    read_owned(&m, guest, size);
    read_used(&m, guest);
    g_string_append_printf(out, "%.3f,", time);
    put_name(out, name);
    put_u64(out, size);
    put_memory(out, &m);
    put_content(out, guest);
    if (first)
        put_settings(out, guest);
    else
        put_no_settings(out);
    put_u64(out, member_u64(guest, "granted"));
    put_u64(out, member_u64(guest, "resident"));
    put_u64(out, member_u64(guest, "active"));
    put_u64(out, m.out);
    put_part(out, member_double(json_get_object(guest, "lost"), "part"));
    g_string_append_c(out, '\n');
    return true;
}

void record_end_row(GString *out, double time, const char *name)
{
    g_string_append_printf(out, "%.3f,", time);
    put_name(out, name);
    g_string_append(out, ",0");
    for (const char *c = strchr(strstr(RECORD_HEADER, "size,"), ','); *c; c++)
        if (*c == ',')
            g_string_append_c(out, ',');
    g_string_append_c(out, '\n');
}
