/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/plan_show.h"

static struct json_object *trial_json(const struct plan_trial *t)
{
    static const char *const lost_names[PLAN_CAUSE_MAX] = {
        [PLAN_BY_GUEST_SWAP] = "guest_swap",
        [PLAN_BY_FILES] = "files",
        [PLAN_BY_HOST_SWAP] = "host_swap",
        [PLAN_BY_BLOCKED] = "blocked",
        [PLAN_BY_CPU] = "cpu",
    };
    struct json_object *o = json_object_new_object(), *lost = json_object_new_object();
    struct json_object *states = json_object_new_object();

    json_put_u64(o, "guests", t->guests);
    json_put_u64(o, "sizes", t->sizes);
    json_put_double(o, "guest_minutes", t->minutes);
    json_put_double(o, "slow_guest_minutes", t->slow);
    json_put_double(o, "slowdown_mean", t->mean);
    json_put_double(o, "slowdown_at_percentile", t->at_percentile);
    json_put_double(o, "slowdown_worst", t->worst);
    for (unsigned c = 0; c < PLAN_CAUSE_MAX; c++)
        json_put_double(lost, lost_names[c], t->lost[c]);
    json_put_object(o, "lost_seconds", lost);
    for (int s = 0; s < HOST_STATE_MAX; s++)
        json_put_double(states, host_state_name(s), t->state_part[s]);
    json_put_object(o, "states", states);
    json_put_u64(o, "oom_kills", t->oom_kills);
    json_put_u64(o, "kills", t->kills);
    return o;
}

static struct json_object *answer_json(const struct plan_question *q, const struct plan_answer *a)
{
    struct json_object *o = json_object_new_object(), *guests = json_object_new_array();
    unsigned low, high;
    double probability;

    json_put_u64(o, "median", plan_answer_median(a));
    for (unsigned i = 0; i < a->n; i++)
        (void)json_object_array_add(guests, json_object_new_int64(a->guests[i]));
    json_put_object(o, "guests", guests);
    json_put_double(o, "overcommit", plan_overcommit(q, plan_answer_median(a)));
    if (plan_answer_interval(a, PLAN_CONFIDENCE, &low, &high, &probability)) {
        struct json_object *interval = json_object_new_object();

        json_put_u64(interval, "from", a->guests[low]);
        json_put_u64(interval, "to", a->guests[high]);
        json_put_double(interval, "probability", probability);
        json_put_object(o, "interval", interval);
    }
    json_put_double(o, "simulated_guest_days", a->simulated_days);
    return o;
}

static struct json_object *bottleneck_json(const struct plan_question *q,
                                           const struct plan_trial *t)
{
    struct json_object *o = json_object_new_object();

    json_put_u64(o, "guests", t->guests);
    json_put_string(o, "kind", fleet_kind_name(q->fleet, t->bottleneck.kind));
    json_put_double(o, "part", t->bottleneck.part);
    json_put_u64(o, "hour", t->bottleneck.hour);
    json_put_string(o, "text", plan_cause_text(t->bottleneck.cause));
    return o;
}

static void put_question(struct json_object *o, const struct plan_question *q)
{
    json_put_string(o, "fleet", q->fleet->title);
    json_put_u64(o, "capacity", q->capacity);
    json_put_double(o, "slowdown", q->slowdown);
    json_put_double(o, "percentile", q->percentile);
    json_put_u64(o, "seeds", q->seeds);
    json_put_u64(o, "first_seed", q->first_seed);
    json_put_u64(o, "days", q->days);
}

struct json_object *plan_to_json(const struct plan_question *q, const struct plan *p)
{
    struct json_object *o = json_object_new_object(), *means = json_object_new_object();
    struct json_object *sweep = json_object_new_array();
    const struct plan_trial *breaks = plan_breaks(q, p);

    put_question(o, q);
    json_put_u64(o, "without_overcommitment", p->without);
    json_put_object(o, "answer", answer_json(q, &p->answers[PLAN_DESCRIBED]));
    for (enum plan_means m = PLAN_BALLOON; m < PLAN_MEANS_MAX; m++)
        if (p->answers[m].n > 0)
            json_put_object(means, plan_means_name(m), answer_json(q, &p->answers[m]));
    json_put_object(o, "means", means);
    for (unsigned i = 0; i < p->sweep_points; i++)
        (void)json_object_array_add(sweep, trial_json(&p->sweep[i]));
    json_put_object(o, "sweep", sweep);
    if (breaks)
        json_put_object(o, "breaks", bottleneck_json(q, breaks));
    return o;
}
