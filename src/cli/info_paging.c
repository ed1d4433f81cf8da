/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/info_paging.h"

#include <glib.h>

#include "base/json.h"
#include "cli/members.h"

/* UNKNOWN_U64 where one of them is: half of a sum would be a wrong figure. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    return a == UNKNOWN_U64 || b == UNKNOWN_U64 ? UNKNOWN_U64 : a + b;
}

static struct fault_info read_faults(struct json_object *faults, const char *kind)
{
    struct json_object *object = json_get_object(faults, kind);

    return (struct fault_info){
        .count = member_u64(object, "count"),
        .p50 = member_double(object, "p50"),
        .p90 = member_double(object, "p90"),
        .p99 = member_double(object, "p99"),
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

void pager_info_read(struct pager_info *ret, struct json_object *pager)
{
    struct json_object *bytes = json_get_object(pager, "bytes");
    struct json_object *cache = json_get_object(pager, "cache");
    struct json_object *swap = json_get_object(pager, "swap");
    struct json_object *rates = json_get_object(pager, "rates");
    struct json_object *faults = json_get_object(pager, "faults");
    struct json_object *sets = json_get_object(pager, "working_set");
    struct json_object *sampling = json_get_object(pager, "sampling");
    struct json_object *held = json_get_object(pager, "held");
    struct json_object *evicted = json_get_object(pager, "evicted");

    *ret = (struct pager_info){
        .standing = member_string(pager, "standing"),
        .phase = member_string(pager, "phase"),
        .error = member_string(pager, "error"),
        .reason = member_string(pager, "reason"),
        .explain = member_string(pager, "explain"),
        .parked = member_yes_no(pager, "parked"),
        .evicting = member_yes_no(pager, "evicting"),
        .stopped = member_yes_no(pager, "stopped"),
        .pid = member_u64(pager, "pid"),
        .absent = member_u64(bytes, "absent"),
        .resident = member_u64(bytes, "resident"),
        .zero = member_u64(bytes, "zero"),
        .compressed = member_u64(bytes, "compressed"),
        .swapped = member_u64(bytes, "swapped"),
        .cache_payload = member_u64(cache, "payload"),
        .cache_occupied = member_u64(cache, "occupied"),
        .cache_limit = member_u64(cache, "limit"),
        .cache_ratio = member_double(cache, "ratio"),
        .swap_size = member_u64(swap, "size"),
        .swap_used = member_u64(swap, "used"),
        .allowed = member_u64(pager, "allowed"),
        .own = member_u64(pager, "own"),
        .evicted = sum(sum(member_u64(evicted, "zero"), member_u64(evicted, "compressed")),
                       member_u64(evicted, "swapped")),
        .out_rate = member_double(rates, "out"),
        .in_rate = member_double(rates, "in"),
        .write_rate = member_double(rates, "write"),
        .read_rate = member_double(rates, "read"),
        .first = read_faults(faults, "absent"),
        .from_zero = read_faults(faults, "zero"),
        .from_cache = read_faults(faults, "compressed"),
        .from_swap = read_faults(faults, "swapped"),
        .protected = read_faults(faults, "protected"),
        .ws_1s = member_u64(sets, "1s"),
        .ws_10s = member_u64(sets, "10s"),
        .ws_1min = member_u64(sets, "1min"),
        .ws_10min = member_u64(sets, "10min"),
        .sampled_active = member_double(sampling, "active"),
        .sample_windows = member_u64(sampling, "windows"),
        .held = member_u64(held, "pages"),
        .held_offset = member_u64(held, "offset"),
        .held_error = member_string(held, "error"),
        .io_errors = member_u64(pager, "io_errors"),
        .takeovers = member_u64(pager, "takeovers"),
    };
    ret->state = pager ? pager_state(ret) : NULL;
}

void kernel_swap_info_read(struct kernel_swap_info *ret, struct json_object *swap)
{
    struct json_object *rates = json_get_object(swap, "rates");
    struct json_object *sampling = json_get_object(swap, "sampling");

    *ret = (struct kernel_swap_info){
        .standing = member_string(swap, "standing"),
        .error = member_string(swap, "error"),
        .method = member_string(swap, "method"),
        .method_reason = member_string(swap, "method_reason"),
        .source = member_string(swap, "source"),
        .cgroup = member_string(swap, "cgroup"),
        .reason = member_string(swap, "reason"),
        .explain = member_string(swap, "explain"),
        .swapped = member_u64(swap, "swapped"),
        .zswapped = member_u64(swap, "zswapped"),
        .allowed = member_u64(swap, "allowed"),
        .promised = member_u64(swap, "promised"),
        .out = member_u64(swap, "out"),
        .in = member_u64(swap, "in"),
        .out_rate = member_double(rates, "out"),
        .in_rate = member_double(rates, "in"),
        .speed = member_double(swap, "speed"),
        .sampled_active = member_double(sampling, "active"),
    };
}

static struct paged_info of_kernel(const struct kernel_swap_info *swap)
{
    /* What is in zswap is compressed in memory, and on no disk. */
    uint64_t compressed = MIN(swap->zswapped, swap->swapped);
    bool zswap = swap->zswapped != UNKNOWN_U64 && swap->swapped != UNKNOWN_U64;

    return (struct paged_info){
        .state = g_strcmp0(swap->standing, "ready") == 0 ? "kernel" : swap->standing,
        .reason = swap->reason,
        .zero = UNKNOWN_U64,
        .compressed = zswap ? compressed : UNKNOWN_U64,
        .swapped = zswap ? swap->swapped - compressed : swap->swapped,
        .allowed = swap->allowed,
        .out = swap->out,
        .out_rate = swap->out_rate,
        .in_rate = swap->in_rate,
    };
}

struct paged_info paged_info_of(const struct pager_info *pager, const struct kernel_swap_info *swap)
{
    if (swap->standing && !pager->standing)
        return of_kernel(swap);
    return (struct paged_info){
        .state = pager->state,
        .reason = pager->reason,
        .zero = pager->zero,
        .compressed = pager->compressed,
        .swapped = pager->swapped,
        .allowed = pager->allowed,
        .out = pager->evicted,
        .out_rate = pager->out_rate,
        .in_rate = pager->in_rate,
    };
}
