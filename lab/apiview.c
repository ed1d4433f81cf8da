/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/apiview.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

static const char *word(struct json_object *obj, const char *key)
{
    const char *text = NULL;

    return json_get_string(obj, key, &text) ? g_intern_string(text) : "-";
}

static void take_host(struct apiview *v, struct json_object *answer, struct host_sample *host)
{
    uint64_t blocked;

    host->managed = true;
    host->state = word(answer, "state");
    (void)json_get_u64(answer, "minfree", &host->minfree);
    (void)json_get_u64(answer, "free", &host->free);
    (void)json_get_double(answer, "period", &v->record->period);
    (void)json_get_u64(json_get_object(answer, "pagers"), "own", &host->overhead);
    (void)json_get_double(json_get_object(answer, "sharing"), "cpu", &host->share_cpu);
    if (json_get_u64(answer, "blocked", &blocked))
        host->blocked = (unsigned)blocked;
}

/* By whatever it was. */
static double take_lost(struct json_object *answer)
{
    struct json_object *seconds = json_get_object(json_get_object(answer, "lost"), "seconds");
    double sum = 0;

    if (!seconds)
        return 0;
    json_object_object_foreach(seconds, key, value)
    {
        (void)key;
        sum += json_object_get_double(value);
    }
    return sum;
}

static void take_guest(struct json_object *answer, struct guest_sample *g)
{
    struct json_object *balloon = json_get_object(answer, "balloon");
    struct json_object *stats = json_get_object(answer, "stats");
    struct json_object *kernel = json_get_object(answer, "kernel_swap");
    struct json_object *blocked = json_get_object(answer, "blocked");
    struct json_object *activity = json_get_object(answer, "activity");
    uint64_t balloon_target = 0;

    g->link = word(answer, "link");
    g->reason = word(answer, "reason");
    g->driver = word(balloon, "driver");
    g->trust = word(stats, "trust");
    (void)json_get_u64(answer, "active", &g->active);
    (void)json_get_u64(activity, "slow", &g->active_slow);
    (void)json_get_u64(activity, "fast", &g->active_fast);
    (void)json_get_u64(activity, "current", &g->active_current);
    (void)json_get_u64(answer, "entitled", &g->entitled);
    (void)json_get_u64(kernel, "out", &g->kernel.out);
    (void)json_get_u64(kernel, "in", &g->kernel.in);
    (void)json_get_double(blocked, "seconds", &g->blocked.seconds);
    (void)json_get_double(blocked, "owed", &g->blocked.owed);
    g->lost = take_lost(answer);
    g->known = json_get_u64(answer, "granted", &g->granted);
    g->target = json_get_u64(balloon, "target", &balloon_target) && balloon_target <= g->size
                    ? g->size - balloon_target
                    : g->granted;
}

static void take_guests(struct apiview *v, struct json_object *answer, struct guest_sample *guests)
{
    struct json_object *list = json_get_array(answer, "guests");
    size_t n = list ? json_object_array_length(list) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *guest = json_object_array_get_idx(list, i);
        const char *name = "";
        int index =
            json_get_string(guest, "name", &name) ? scenario_find(v->record->scenario, name) : -1;

        if (index >= 0)
            take_guest(guest, &guests[index]);
    }
}

/* As it was; for a daemon that does not answer now. */
static void repeat_last(const struct apiview *v, struct host_sample *host,
                        struct guest_sample *guests)
{
    const struct record *r = v->record;
    const struct host_sample *last = r->hosts->len > 0 ? record_host(r, r->hosts->len - 1) : NULL;

    host->state = "-";
    host->minfree = last ? last->minfree : host_minfree(r->scenario->capacity);
    host->free = last ? last->free : 0;
    host->overhead = last ? last->overhead : 0;
    for (unsigned g = 0; g < r->guests; g++) {
        const struct guest_sample *was = record_last(r, g);

        guests[g] = (struct guest_sample){.link = "-", .reason = "-", .driver = "-", .trust = "-"};
        guests[g].size = scenario_guest(r->scenario, g)->size;
        guests[g].granted = guests[g].target = was ? was->granted : guests[g].size;
        if (!was)
            continue;
        guests[g].entitled = was->entitled;
        guests[g].kernel = was->kernel;
        guests[g].blocked = was->blocked;
        guests[g].lost = was->lost;
    }
}

void apiview_poll(struct apiview *v, struct host_sample *host, struct guest_sample *guests)
{
    repeat_last(v, host, guests);
    if (!v->daemon)
        return;

    autojson host_answer = daemonproc_get(v->daemon, "/v1/host");
    autojson guests_answer = daemonproc_get(v->daemon, "/v1/guests");

    if (host_answer)
        take_host(v, host_answer, host);
    if (guests_answer)
        take_guests(v, guests_answer, guests);
}

void apiview_collect(struct apiview *v)
{
    g_autofree char *path =
        g_strdup_printf("/v1/events?since=%" G_GUINT64_FORMAT, (guint64)v->events_next);
    autojson answer = v->daemon ? daemonproc_get(v->daemon, path) : NULL;
    struct json_object *events = json_get_array(answer, "events");
    size_t n = events ? json_object_array_length(events) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *event = json_object_get(json_object_array_get_idx(events, i));
        double time;

        if (json_get_double(event, "time", &time))
            json_put_double(event, "time", time - v->wall_start);
        (void)record_add_event(v->record, event);
    }
    (void)json_get_u64(answer, "next", &v->events_next);
}

bool apiview_is_up(struct apiview *v, const char *guest)
{
    g_autofree char *path = g_strdup_printf("/v1/guests/%s", guest);
    autojson answer = v->daemon ? daemonproc_get(v->daemon, path) : NULL;

    return answer && strcmp(word(answer, "link"), "up") == 0;
}
