/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/record.h"

static void event_free(void *event)
{
    json_object_put(event);
}

struct record *record_new(const struct scenario *scenario)
{
    struct record *r = g_new0(struct record, 1);

    r->scenario = scenario;
    r->guests = scenario->guests->len;
    r->hosts = g_array_new(FALSE, FALSE, sizeof(struct host_sample));
    r->samples = g_array_new(FALSE, FALSE, sizeof(struct guest_sample));
    r->events = g_ptr_array_new_with_free_func(event_free);
    r->work = g_array_new(FALSE, TRUE, sizeof(struct work_phase));
    r->outcomes = g_new0(struct guest_outcome, r->guests);
    return r;
}

void record_free(struct record *r)
{
    g_array_unref(r->hosts);
    g_array_unref(r->samples);
    g_ptr_array_unref(r->events);
    g_array_unref(r->work);
    g_free(r->outcomes);
    g_free(r);
}

bool record_add(struct record *r, const struct host_sample *host, const struct guest_sample *guests)
{
    if (r->hosts->len >= RECORD_SAMPLES_MAX)
        return false;
    g_array_append_vals(r->hosts, host, 1);
    g_array_append_vals(r->samples, guests, r->guests);
    return true;
}

bool record_add_event(struct record *r, struct json_object *event)
{
    if (r->events->len >= RECORD_EVENTS_MAX) {
        json_object_put(event);
        return false;
    }
    g_ptr_array_add(r->events, event);
    return true;
}

const struct guest_sample *record_last(const struct record *r, unsigned guest)
{
    return r->hosts->len > 0 ? record_guest(r, r->hosts->len - 1, guest) : NULL;
}
