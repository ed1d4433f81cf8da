/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/export.h"

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "scenario/error.h"
#include "scenario/judge.h"

/* Each member in every sample, for they are the columns of the CSV too. */
static void put_pager(struct json_object *o, const struct pager_sample *p)
{
    json_put_u64(o, "zero", p->zero);
    json_put_u64(o, "compressed", p->compressed);
    json_put_u64(o, "swapped", p->swapped);
    json_put_u64(o, "evicted", p->evicted);
    json_put_u64(o, "loaded", p->loaded);
    json_put_u64(o, "discarded", p->discarded);
    json_put_u64(o, "pager_cache", p->cache);
    json_put_u64(o, "pager_faults", p->faults);
    json_put_double(o, "pager_p50_us", p->fault_p50_usec);
    json_put_double(o, "pager_p99_us", p->fault_p99_usec);
    json_put_u64(o, "takeovers", p->takeovers);
    json_put_u64(o, "held_pages", p->held_pages);
    json_put_u64(o, "io_errors", p->io_errors);
    json_put_u64(o, "eviction_races", p->races);
}

static struct json_object *sample_json(const struct guest_sample *s)
{
    struct json_object *o = json_object_new_object();

    json_put_bool(o, "alive", s->alive);
    json_put_bool(o, "known", s->known);
    json_put_u64(o, "size", s->size);
    json_put_u64(o, "granted", s->granted);
    json_put_u64(o, "target", s->target);
    json_put_u64(o, "resident", s->resident);
    json_put_u64(o, "active", s->active);
    json_put_u64(o, "active_slow", s->active_slow);
    json_put_u64(o, "active_fast", s->active_fast);
    json_put_u64(o, "active_current", s->active_current);
    json_put_u64(o, "saved", s->saved);
    json_put_u64(o, "entitled", s->entitled);
    json_put_u64(o, "owned", s->report.owned);
    json_put_u64(o, "operations", s->report.operations);
    json_put_double(o, "rate", s->rate);
    json_put_double(o, "cpu_s", s->cpu);
    json_put_double(o, "p50_us", s->report.latency_p50_usec);
    json_put_double(o, "p99_us", s->report.latency_p99_usec);
    json_put_u64(o, "wrong", s->report.wrong_pages);
    json_put_u64(o, "available", s->report.mem_available);
    json_put_u64(o, "swap_free", s->report.swap_free);
    json_put_u64(o, "pswpin", s->report.pswpin);
    json_put_u64(o, "pswpout", s->report.pswpout);
    json_put_u64(o, "pgmajfault", s->report.pgmajfault);
    json_put_u64(o, "allocstall", s->report.allocstall);
    json_put_u64(o, "oom_kill", s->report.oom_kill);
    json_put_bool(o, "starving", s->starving);
    put_pager(o, &s->pager);
    json_put_u64(o, "kernel_swapped", s->kernel.swapped);
    json_put_u64(o, "kernel_out", s->kernel.out);
    json_put_u64(o, "kernel_in", s->kernel.in);
    json_put_double(o, "blocked_s", s->blocked.seconds);
    json_put_double(o, "block_owed_s", s->blocked.owed);
    json_put_double(o, "lost_s", s->lost);
    json_put_string(o, "link", s->link);
    json_put_string(o, "driver", s->driver);
    json_put_string(o, "trust", s->trust);
    json_put_string(o, "reason", s->reason);
    return o;
}

static struct json_object *host_json(const struct host_sample *h)
{
    struct json_object *o = json_object_new_object();

    json_put_double(o, "t", h->t);
    json_put_bool(o, "managed", h->managed);
    json_put_string(o, "state", h->state);
    json_put_u64(o, "capacity", h->capacity);
    json_put_u64(o, "minfree", h->minfree);
    json_put_u64(o, "host_resident", h->resident);
    json_put_u64(o, "free", h->free);
    json_put_u64(o, "overhead", h->overhead);
    json_put_u64(o, "swap_cache", h->memory.swap_cache);
    json_put_double(o, "ksm_rate", h->memory.ksm_rate);
    json_put_u64(o, "ksm_saved", h->memory.ksm_saved);
    json_put_u64(o, "blocked", h->blocked);
    return o;
}

/* The CSV has the JSON's members as its columns: they cannot differ. */
static void csv_row(GString *out, struct json_object *host, const char *guest,
                    struct json_object *sample, bool names)
{
    struct json_object *parts[] = {host, sample};

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        json_object_object_foreach(parts[i], key, value)
        {
            g_string_append(out, names ? key : json_object_get_string(value));
            g_string_append_c(out, ',');
        }
        if (i == 0)
            g_string_append_printf(out, "%s,", names ? "guest" : guest);
    }
    g_string_overwrite(out, out->len - 1, "\n");
}

static bool write_text(const char *path, const char *text, gssize len, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (file_write(path, text, len, &why))
        return true;
    g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, why->message);
    return false;
}

bool export_csv(const struct record *r, const char *path, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (unsigned i = 0; i < r->hosts->len; i++) {
        autojson host = host_json(record_host(r, i));

        for (unsigned g = 0; g < r->guests; g++) {
            autojson sample = sample_json(record_guest(r, i, g));

            if (i == 0 && g == 0)
                csv_row(out, host, "", sample, true);
            csv_row(out, host, scenario_guest(r->scenario, g)->name, sample, false);
        }
    }
    return write_text(path, out->str, (gssize)out->len, error);
}

static struct json_object *samples_json(const struct record *r)
{
    struct json_object *samples = json_object_new_array();

    for (unsigned i = 0; i < r->hosts->len; i++) {
        struct json_object *host = host_json(record_host(r, i));
        struct json_object *guests = json_object_new_object();

        for (unsigned g = 0; g < r->guests; g++)
            json_put_object(guests, scenario_guest(r->scenario, g)->name,
                            sample_json(record_guest(r, i, g)));
        json_put_object(host, "guests", guests);
        json_object_array_add(samples, host);
    }
    return samples;
}

static struct json_object *work_json(const struct record *r)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < r->work->len; i++) {
        const struct work_phase *w = &g_array_index(r->work, struct work_phase, i);
        const struct scenario_guest *guest = scenario_guest(r->scenario, w->guest);
        g_autofree char *what =
            phase_describe(&g_array_index(guest->phases, struct phase, w->phase));
        struct json_object *o = json_object_new_object();

        json_put_string(o, "guest", guest->name);
        json_put_string(o, "phase", what);
        json_put_double(o, "begin", w->begin);
        json_put_double(o, "end", w->end);
        json_put_u64(o, "operations", w->operations_after - w->operations_before);
        json_put_double(o, "alone_rate", w->alone_rate);
        json_object_array_add(list, o);
    }
    return list;
}

struct json_object *export_goals(const struct record *r)
{
    struct json_object *goals = json_object_new_array();

    for (unsigned i = 0; i < r->scenario->goals->len; i++) {
        const struct goal *goal = &g_array_index(r->scenario->goals, struct goal, i);
        struct json_object *o = json_object_new_object();
        struct judgement j = {0};

        judge(r, goal, &j);
        json_put_string(o, "name", goal->name);
        json_put_string(o, "value", j.value);
        json_put_string(o, "limit", j.limit);
        if (j.unknown)
            json_put_null(o, "met");
        else
            json_put_bool(o, "met", j.met);
        json_object_array_add(goals, o);
        judgement_clear(&j);
    }
    return goals;
}

static struct json_object *events_json(const struct record *r)
{
    struct json_object *events = json_object_new_array();

    for (unsigned i = 0; i < r->events->len; i++)
        json_object_array_add(events, json_object_get(g_ptr_array_index(r->events, i)));
    return events;
}

bool export_json(const struct record *r, const char *path, GError **error)
{
    autojson all = json_object_new_object();

    json_put_string(all, "scenario", r->scenario->title);
    json_put_u64(all, "capacity", r->scenario->capacity);
    json_put_double(all, "period", r->period);
    json_put_object(all, "samples", samples_json(r));
    json_put_object(all, "events", events_json(r));
    json_put_object(all, "work", work_json(r));
    json_put_object(all, "goals", export_goals(r));
    return write_text(path, json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN), -1, error);
}
