/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/info.h"

#include <glib.h>
#include <math.h>

#include "base/json.h"

static uint64_t get_u64(struct json_object *object, const char *key)
{
    uint64_t value = UNKNOWN_U64;

    json_get_u64(object, key, &value);
    return value;
}

static double get_double(struct json_object *object, const char *key)
{
    double value = UNKNOWN_DOUBLE;

    json_get_double(object, key, &value);
    return value;
}

static const char *get_string(struct json_object *object, const char *key)
{
    const char *value = NULL;

    json_get_string(object, key, &value);
    return value;
}

static const char *get_yes_no(struct json_object *object, const char *key)
{
    bool value = false;

    if (!json_get_bool(object, key, &value))
        return NULL;
    return value ? "yes" : "no";
}

const char *text_or_dash(const char *text)
{
    return text ? text : "-";
}

void host_info_read(struct host_info *host, struct json_object *object)
{
    struct json_object *average = json_get_object(object, "overcommit_avg");
    struct json_object *pagers = json_get_object(object, "pagers");
    struct json_object *psi = json_get_object(object, "psi");

    *host = (struct host_info){
        .version = get_string(object, "version"),
        .mode = get_string(object, "mode"),
        .state = get_string(object, "state"),
        .uptime = get_double(object, "uptime"),
        .period = get_double(object, "period"),
        .state_age = get_double(object, "state_age"),
        .capacity = get_u64(object, "capacity"),
        .configured = get_u64(object, "configured"),
        .resident = get_u64(object, "resident"),
        .free = get_u64(object, "free"),
        .minfree = get_u64(object, "minfree"),
        .available = get_u64(object, "available"),
        .ballooned = get_u64(object, "ballooned"),
        .overhead = get_u64(object, "overhead"),
        .overcommit = get_double(object, "overcommit"),
        .overcommit_1m = get_double(average, "1m"),
        .overcommit_5m = get_double(average, "5m"),
        .overcommit_15m = get_double(average, "15m"),
        .guests = get_u64(object, "guests"),
        .guests_up = get_u64(object, "guests_up"),
        .pagers = get_u64(pagers, "serving"),
        .zero = get_u64(pagers, "zero"),
        .compressed = get_u64(pagers, "compressed"),
        .swapped = get_u64(pagers, "swapped"),
        .cache = get_u64(pagers, "cache"),
        .out_rate = get_double(pagers, "out_rate"),
        .in_rate = get_double(pagers, "in_rate"),
        .psi_some = get_double(psi, "some_avg10"),
        .psi_full = get_double(psi, "full_avg10"),
    };
}

static void read_distress(struct guest_info *guest, struct json_object *object)
{
    struct json_object *names = json_get_array(object, "distress");
    size_t count = names ? json_object_array_length(names) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *name = json_object_array_get_idx(names, i);

        if (!json_object_is_type(name, json_type_string))
            continue;
        if (*guest->distress)
            g_strlcat(guest->distress, ", ", DISTRESS_TEXT_MAX);
        g_strlcat(guest->distress, json_object_get_string(name), DISTRESS_TEXT_MAX);
    }
}

static void read_stats(struct guest_info *guest, struct json_object *stats)
{
    guest->trust = get_string(stats, "trust");
    guest->stats_age = get_double(stats, "age");
    guest->stats_total = get_u64(stats, "total");
    guest->stats_free = get_u64(stats, "free");
    guest->stats_available = get_u64(stats, "available");
    guest->stats_caches = get_u64(stats, "caches");
    guest->swap_in_rate = get_double(stats, "swap_in_rate");
    guest->swap_out_rate = get_double(stats, "swap_out_rate");
    guest->major_fault_rate = get_double(stats, "major_fault_rate");
    guest->oom_kills = get_u64(stats, "oom_kills");
}

static struct fault_info read_faults(struct json_object *faults, const char *kind)
{
    struct json_object *object = json_get_object(faults, kind);

    return (struct fault_info){
        .count = get_u64(object, "count"),
        .p50 = get_double(object, "p50"),
        .p90 = get_double(object, "p90"),
        .p99 = get_double(object, "p99"),
    };
}

/* What matters most of all that there is to say. */
static const char *pager_state(const struct pager_info *p)
{
    if (g_strcmp0(p->stopped, "yes") == 0)
        return "stopped";
    if (p->held != UNKNOWN_U64)
        return "held";
    if (g_strcmp0(p->standing, "serves") != 0)
        return p->standing;
    if (g_strcmp0(p->phase, "serving") != 0)
        return p->phase;
    if (g_strcmp0(p->parked, "yes") == 0)
        return "parked";
    return g_strcmp0(p->evicting, "no") == 0 ? "barred" : "serving";
}

static struct pager_info read_pager(struct json_object *pager)
{
    struct json_object *bytes = json_get_object(pager, "bytes");
    struct json_object *cache = json_get_object(pager, "cache");
    struct json_object *swap = json_get_object(pager, "swap");
    struct json_object *rates = json_get_object(pager, "rates");
    struct json_object *faults = json_get_object(pager, "faults");
    struct json_object *sets = json_get_object(pager, "working_set");
    struct json_object *sampling = json_get_object(pager, "sampling");
    struct json_object *held = json_get_object(pager, "held");
    struct pager_info p = {
        .standing = get_string(pager, "standing"),
        .phase = get_string(pager, "phase"),
        .error = get_string(pager, "error"),
        .explain = get_string(pager, "explain"),
        .parked = get_yes_no(pager, "parked"),
        .evicting = get_yes_no(pager, "evicting"),
        .stopped = get_yes_no(pager, "stopped"),
        .pid = get_u64(pager, "pid"),
        .absent = get_u64(bytes, "absent"),
        .resident = get_u64(bytes, "resident"),
        .zero = get_u64(bytes, "zero"),
        .compressed = get_u64(bytes, "compressed"),
        .swapped = get_u64(bytes, "swapped"),
        .cache_payload = get_u64(cache, "payload"),
        .cache_occupied = get_u64(cache, "occupied"),
        .cache_limit = get_u64(cache, "limit"),
        .cache_ratio = get_double(cache, "ratio"),
        .swap_size = get_u64(swap, "size"),
        .swap_used = get_u64(swap, "used"),
        .allowed = get_u64(pager, "allowed"),
        .own = get_u64(pager, "own"),
        .out_rate = get_double(rates, "out"),
        .in_rate = get_double(rates, "in"),
        .write_rate = get_double(rates, "write"),
        .read_rate = get_double(rates, "read"),
        .first = read_faults(faults, "absent"),
        .from_zero = read_faults(faults, "zero"),
        .from_cache = read_faults(faults, "compressed"),
        .from_swap = read_faults(faults, "swapped"),
        .protected = read_faults(faults, "protected"),
        .ws_1s = get_u64(sets, "1s"),
        .ws_10s = get_u64(sets, "10s"),
        .ws_1min = get_u64(sets, "1min"),
        .ws_10min = get_u64(sets, "10min"),
        .sampled_active = get_double(sampling, "active"),
        .sample_windows = get_u64(sampling, "windows"),
        .held = get_u64(held, "pages"),
        .held_offset = get_u64(held, "offset"),
        .held_error = get_string(held, "error"),
        .io_errors = get_u64(pager, "io_errors"),
        .takeovers = get_u64(pager, "takeovers"),
    };

    p.state = pager ? pager_state(&p) : NULL;
    return p;
}

void guest_info_read(struct guest_info *guest, struct json_object *object)
{
    struct json_object *activity = json_get_object(object, "activity");
    struct json_object *balloon = json_get_object(object, "balloon");

    *guest = (struct guest_info){
        .name = get_string(object, "name"),
        .vmm = get_string(object, "vmm"),
        .socket = get_string(object, "socket"),
        .ram = get_string(object, "ram"),
        .link = get_string(object, "link"),
        .error = get_string(object, "error"),
        .running = get_yes_no(object, "running"),
        .pid = get_u64(object, "pid"),
        .size = get_u64(object, "size"),
        .granted = get_u64(object, "granted"),
        .resident = get_u64(object, "resident"),
        .overhead = get_u64(object, "overhead"),
        .entitled = get_u64(object, "entitled"),
        .active = get_u64(object, "active"),
        .activity_source = get_string(activity, "source"),
        .activity_slow = get_u64(activity, "slow"),
        .activity_fast = get_u64(activity, "fast"),
        .activity_current = get_u64(activity, "current"),
        .driver = get_string(balloon, "driver"),
        .balloon = get_u64(balloon, "current"),
        .balloon_target = get_u64(balloon, "target"),
        .balloon_max = get_u64(balloon, "max"),
        .shares = get_u64(object, "shares"),
        .reservation = get_u64(object, "reservation"),
        .limit = get_u64(object, "limit"),
        .exempt = get_yes_no(object, "exempt"),
        .guest_swap = get_string(object, "guest_swap"),
        .distress_age = get_double(object, "distress_age"),
        .reason = get_string(object, "reason"),
        .explain = get_string(object, "explain"),
        .decided_age = get_double(object, "decided_age"),
        .resident_rate = UNKNOWN_DOUBLE,
        .balloon_rate = UNKNOWN_DOUBLE,
    };
    guest->pager = read_pager(json_get_object(object, "pager"));
    guest->has_pager = guest->pager.standing ? "yes" : "no";
    read_stats(guest, json_get_object(object, "stats"));
    read_distress(guest, object);
}
