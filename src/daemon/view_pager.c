/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/view_pager.h"

#include "base/json.h"

#define PERMILLE 1000.0

static void put_u64_unless(struct json_object *obj, const char *key, uint64_t value, uint64_t unset)
{
    if (value == unset)
        json_put_null(obj, key);
    else
        json_put_u64(obj, key, value);
}

/* One member for each state of a page from @first on. */
static struct json_object *by_state(const uint64_t values[static PAGE_STATE_MAX],
                                    enum page_state first)
{
    struct json_object *obj = json_object_new_object();

    for (int i = (int)first; i < PAGE_STATE_MAX; i++)
        json_put_u64(obj, page_state_name((enum page_state)i), values[i]);
    return obj;
}

static struct json_object *view_cache(const struct pager_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "payload", v->cache_payload);
    json_put_u64(obj, "occupied", v->cache_bytes);
    json_put_u64(obj, "limit", v->cache_limit);
    if (v->cache_ratio > 0)
        json_put_double(obj, "ratio", v->cache_ratio);
    else
        json_put_null(obj, "ratio");
    return obj;
}

static struct json_object *view_swap(const struct pager_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "size", v->swap_size);
    json_put_u64(obj, "used", v->swap_used);
    return obj;
}

static struct json_object *view_rates(const struct pager_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_double(obj, "out", v->out_rate);
    json_put_double(obj, "in", v->in_rate);
    json_put_double(obj, "write", v->write_rate);
    json_put_double(obj, "read", v->read_rate);
    return obj;
}

/* Latencies in seconds; null where there was no such fault. */
static void put_latency(struct json_object *obj, const char *key, const struct pager_faults *f,
                        double usec)
{
    if (f->count)
        json_put_double(obj, key, usec / (double)USEC_PER_SEC);
    else
        json_put_null(obj, key);
}

static struct json_object *view_fault(const struct pager_faults *f)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "count", f->count);
    put_latency(obj, "p50", f, f->p50);
    put_latency(obj, "p90", f, f->p90);
    put_latency(obj, "p99", f, f->p99);
    return obj;
}

static struct json_object *view_faults(const struct pager_view *v)
{
    struct json_object *obj = json_object_new_object();

    for (int i = 0; i < FAULT_KIND_MAX; i++)
        json_put_object(obj, fault_kind_name((enum fault_kind)i), view_fault(&v->faults[i]));
    return obj;
}

static struct json_object *view_held(const struct pager_view *v)
{
    struct json_object *obj;

    if (!v->held)
        return NULL;
    obj = json_object_new_object();
    json_put_u64(obj, "pages", v->held / PAGE_BYTES);
    json_put_u64(obj, "offset", v->held_at);
    json_put_string(obj, "error", g_strerror(v->held_errno));
    return obj;
}

static struct json_object *view_sampling(const struct pager_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "windows", v->sample_windows);
    json_put_u64(obj, "sampled", v->sampled);
    json_put_u64(obj, "touched", v->touched);
    if (v->active_permille == UINT64_MAX)
        json_put_null(obj, "active");
    else
        json_put_double(obj, "active", (double)v->active_permille / PERMILLE);
    json_put_double(obj, "cpu", (double)v->sampling_cpu / (double)USEC_PER_SEC);
    return obj;
}

static struct json_object *view_working_set(const struct pager_view *v)
{
    static const char *const names[] = {
        [WORKING_SET_1S] = "1s",
        [WORKING_SET_10S] = "10s",
        [WORKING_SET_1MIN] = "1min",
        [WORKING_SET_10MIN] = "10min",
    };
    struct json_object *obj = json_object_new_object();

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == WORKING_SET_MAX);
    for (int i = 0; i < WORKING_SET_MAX; i++)
        put_u64_unless(obj, names[i], v->working_set[i], UINT64_MAX);
    return obj;
}

static void put_counters(struct json_object *obj, const struct pager_view *v)
{
    json_put_object(obj, "evicted", by_state(v->evicted, PAGE_ZERO));
    json_put_object(obj, "loaded", by_state(v->loaded, PAGE_ZERO));
    json_put_u64(obj, "read_ahead", v->read_ahead);
    json_put_u64(obj, "discarded", v->discarded);
    json_put_u64(obj, "written", v->bytes_written);
    json_put_u64(obj, "read", v->bytes_read);
    json_put_u64(obj, "eviction_races", v->eviction_races);
    json_put_u64(obj, "io_errors", v->io_errors);
    json_put_u64(obj, "takeovers", v->takeovers);
}

/* What its map says. */
static void put_known(struct json_object *obj, const struct pager_view *v)
{
    json_put_string(obj, "phase", pager_phase_name(v->phase));
    json_put_bool(obj, "parked", v->parked);
    json_put_bool(obj, "evicting", v->evicting);
    json_put_object(obj, "bytes", by_state(v->bytes, PAGE_ABSENT));
    json_put_object(obj, "cache", view_cache(v));
    json_put_object(obj, "swap", view_swap(v));
    put_u64_unless(obj, "allowed", v->allowed, UINT64_MAX);
    json_put_u64(obj, "own", v->memory);
    json_put_object(obj, "rates", view_rates(v));
    json_put_object(obj, "faults", view_faults(v));
    json_put_object(obj, "sampling", view_sampling(v));
    json_put_object(obj, "working_set", view_working_set(v));
    json_put_object(obj, "held", view_held(v));
    json_put_bool(obj, "stopped", v->stopped);
    put_counters(obj, v);
}

/* The same members, not known: it has not begun, or its map can't be read. */
static void put_unknown(struct json_object *obj)
{
    static const char *const members[] = {
        "phase",   "parked",  "evicting",       "bytes",     "cache",      "swap",
        "allowed", "own",     "rates",          "faults",    "sampling",   "working_set",
        "held",    "stopped", "evicted",        "loaded",    "read_ahead", "discarded",
        "written", "read",    "eviction_races", "io_errors", "takeovers",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        json_put_null(obj, members[i]);
}

struct json_object *view_pager(const struct pager_view *view)
{
    struct json_object *obj = json_object_new_object();

    json_put_string(obj, "standing", pager_standing_name(view->standing));
    json_put_string(obj, "error", view->error);
    put_u64_unless(obj, "pid", (uint64_t)view->pid, 0);
    if (view->known)
        put_known(obj, view);
    else
        put_unknown(obj);
    return obj;
}
