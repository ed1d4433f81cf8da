/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/report.h"

#include <math.h>

#include "base/json.h"
#include "scenario/export.h"
#include "scenario/measure.h"

static struct json_object *lost_json(const struct sim_guest_result *g)
{
    struct json_object *o = json_object_new_object();

    json_put_double(o, "guest_swap", g->lost_guest_swap);
    json_put_double(o, "file", g->lost_file);
    json_put_double(o, "host_swap", g->lost_host_swap);
    json_put_double(o, "blocked", g->lost_blocked);
    json_put_double(o, "cpu", g->lost_cpu);
    json_put_double(o, "killed", g->lost_killed);
    return o;
}

static struct json_object *guest_json(const struct sim_case *c, const struct case_result *result,
                                      unsigned i)
{
    const struct sim_guest_result *g = &result->guests[i];
    const struct guest_sample *last = record_last(result->record, i);
    struct json_object *o = json_object_new_object();

    json_put_string(o, "name", g->name);
    json_put_u64(o, "size", c->guests[i].size);
    json_put_double(o, "relative", case_relative(result, i));
    json_put_double(o, "work_wanted", g->work_wanted);
    json_put_double(o, "work_done", g->work_done);
    json_put_u64(o, "operations", last ? last->report.operations : 0);
    json_put_object(o, "lost", lost_json(g));
    json_put_double(o, "distress", g->distress);
    json_put_double(o, "waited_to_start", g->waited_to_start);
    json_put_u64(o, "oom_kills", g->oom_kills);
    json_put_bool(o, "panicked", g->panicked);
    json_put_bool(o, "killed_by_host", g->killed_by_host);
    json_put_u64(o, "inflated", g->inflated);
    json_put_u64(o, "deflated", g->deflated);
    json_put_u64(o, "largest_balloon", measure_largest_balloon(result->record, i));
    json_put_u64(o, "put_out", g->put_out);
    json_put_u64(o, "brought_in", g->brought_in);
    json_put_u64(o, "guest_swapped_out", g->guest_swapped_out);
    json_put_u64(o, "guest_swapped_in", g->guest_swapped_in);
    json_put_double(o, "below_reservation", g->below_reservation);
    json_put_u64(o, "most_resident", g->most_resident);
    return o;
}

static struct json_object *host_json(const struct case_result *result)
{
    struct json_object *o = json_object_new_object();
    struct json_object *states = json_object_new_object();

    for (int s = 0; s < HOST_STATE_MAX; s++)
        json_put_double(states, host_state_name(s),
                        measure_state_seconds(result->record, host_state_name(s)));
    json_put_object(o, "state_seconds", states);
    json_put_double(o, "over_capacity_seconds", result->host.over_capacity);
    json_put_u64(o, "most_over", result->host.most_over);
    json_put_u64(o, "kernel_swapped", result->host.kernel_swapped);
    json_put_u64(o, "kills", result->host.kills);
    json_put_u64(o, "saved_by_sharing", result->host.saved_by_sharing);
    return o;
}

struct json_object *report_json(const struct sim_case *c, const struct manager_ops *manager,
                                unsigned seed, const struct case_result *result)
{
    struct json_object *o = json_object_new_object();
    struct json_object *guests = json_object_new_array();

    json_put_string(o, "scenario", c->scenario->title);
    json_put_string(o, "manager", manager->name);
    json_put_u64(o, "seed", seed);
    json_put_u64(o, "capacity", c->host.capacity);
    json_put_double(o, "length", c->scenario->length);
    for (unsigned i = 0; i < result->record->guests; i++)
        json_object_array_add(guests, guest_json(c, result, i));
    json_put_object(o, "guests", guests);
    json_put_object(o, "host", host_json(result));
    json_put_object(o, "goals", export_goals(result->record));
    return o;
}
