/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run is a plain sequence, as in the lab: what is due is done, a step of the simulator, a look.
 * The lead before the scenario's clock starts is simulated, and not recorded.
 */
#include "sim/case_run.h"

#include <math.h>

#include "base/json.h"
#include "scenario/measure.h"
#include "sim/case_merged.h"
#include "sim/case_sample.h"
#include "sim/case_work.h"

/* No record is larger than so many samples of guests: a longer run, or one of more guests, is
 * sampled less often. */
#define GUEST_SAMPLES_MAX 200000

/* Decisions over guests are recorded in runs of as many guests as a scenario can have. */
#define DECISIONS_GUESTS_MAX SCENARIO_GUESTS_MAX

struct case_running {
    const struct sim_case *c;
    const struct manager_ops *manager;
    struct sim *s;
    struct record *record;
    struct case_work *work; /* of each guest */
    struct case_seen *seen;
    double *operations;
    usec_t *decided; /* when the last decision over it was recorded */
    unsigned next_act;
    struct sim_settings settings; /* now */
    uint64_t capacity;
    enum host_state state;
    usec_t interval, next_sample;
};

static bool lives(const struct sim *s, unsigned guest)
{
    struct sim_guest_now now;

    sim_guest_now(s, guest, &now);
    return now.alive;
}

static void act_on_host(struct case_running *r, const struct phase *p)
{
    switch ((int)p->kind) {
    case PHASE_CAPACITY:
        r->capacity = p->bytes;
        sim_set_capacity(r->s, p->bytes);
        break;
    case PHASE_DAEMON_KILL:
        sim_manager_off(r->s, true);
        break;
    case PHASE_DAEMON_START:
        sim_manager_off(r->s, false);
        break;
    case PHASE_SET:
        /* case.c has tried it. Other managers have a configuration of their own. */
        if (case_set(&r->settings, p->text, NULL) && r->manager == &MANAGER_AEROSTAT)
            sim_configure(r->s, &r->settings.aerostat);
        break;
    default:
        break;
    }
}

static void act_on_guest(struct case_running *r, const struct phase *p, unsigned g)
{
    if (!lives(r->s, g))
        return;
    switch ((int)p->kind) {
    case PHASE_FREEZE:
    case PHASE_PAUSE:
        sim_pause_guest(r->s, g, true);
        break;
    case PHASE_THAW:
    case PHASE_RESUME:
        sim_pause_guest(r->s, g, false);
        break;
    case PHASE_PARK:
    case PHASE_UNPARK:
        sim_park_guest(r->s, g, p->kind == PHASE_PARK);
        break;
    case PHASE_BALLOON:
        manager_balloon(r->s, g, p->bytes);
        break;
    case PHASE_KILL:
    case PHASE_QUIT:
        r->record->outcomes[g].asked_to_end = true;
        sim_end_guest(r->s, g);
        break;
    default:
        break;
    }
}

static void act(struct case_running *r)
{
    for (; r->next_act < r->c->acts->len; r->next_act++) {
        const struct case_act *a = &g_array_index(r->c->acts, struct case_act, r->next_act);

        if (a->at > sim_now(r->s))
            break;
        if (a->guest == UINT_MAX)
            act_on_host(r, a->phase);
        else
            act_on_guest(r, a->phase, a->guest);
    }
}

static struct json_object *event_new(const struct case_running *r, const char *kind)
{
    struct json_object *event = json_object_new_object();

    json_put_double(event, "time", ((double)sim_now(r->s) - (double)CASE_LEAD) / 1e6);
    json_put_string(event, "kind", kind);
    return event;
}

static void note_state(struct case_running *r)
{
    enum host_state state = case_host_state(r->s, r->capacity, r->state);
    struct json_object *event;

    if (state == r->state)
        return;
    r->state = state;
    event = event_new(r, "host-state");
    json_put_string(event, "state", host_state_name(state));
    (void)record_add_event(r->record, event);
}

static void note_decision(struct case_running *r, unsigned g)
{
    struct json_object *event;
    struct guest_view view;

    if (!sim_guest_view(r->s, g, &view) || view.verdict.at <= r->decided[g])
        return;
    r->decided[g] = view.verdict.at;
    if (view.verdict.mechanism != MECHANISM_BALLOON || r->c->settings.aerostat.observe)
        return;
    event = event_new(r, "decision");
    json_put_string(event, "guest", scenario_guest(r->c->scenario, g)->name);
    json_put_string(event, "reason", reason_name(view.verdict.reason));
    json_put_string(event, "mechanism", mechanism_name(view.verdict.mechanism));
    json_put_bool(event, "enacted", true);
    json_put_u64(event, "from", view.verdict.from);
    json_put_u64(event, "to", view.verdict.to);
    (void)record_add_event(r->record, event);
}

static void sample(struct case_running *r)
{
    for (unsigned g = 0; g < r->record->guests; g++)
        r->operations[g] = r->work[g].operations;
    case_sample(r->c, r->s, r->capacity, r->state, r->seen, r->operations, r->record);
}

static void look(struct case_running *r)
{
    for (unsigned g = 0; g < r->record->guests; g++)
        case_work_follow(&r->work[g], r->s, (double)r->c->host.tick / 1e6, r->record->work);
    if (sim_now(r->s) < CASE_LEAD)
        return;
    note_state(r);
    for (unsigned g = 0; r->record->guests <= DECISIONS_GUESTS_MAX && g < r->record->guests; g++)
        note_decision(r, g);
    case_merged_look(r->c, r->s, r->record);
    if (sim_now(r->s) < r->next_sample && sim_now(r->s) < case_end(r->c))
        return;
    sample(r);
    r->next_sample += r->interval;
}

static void run(struct case_running *r)
{
    while (sim_now(r->s) < case_end(r->c)) {
        act(r);
        sim_step(r->s);
        look(r);
    }
    for (unsigned g = 0; g < r->record->guests; g++)
        case_work_end(&r->work[g], r->s, r->record->work);
}

static usec_t interval_of(const struct sim_case *c)
{
    double samples = MAX(GUEST_SAMPLES_MAX / (double)c->scenario->guests->len, 1);
    double interval = MAX(c->scenario->interval, c->scenario->length / samples);

    return u64_max((usec_t)(interval * 1e6), c->host.tick);
}

static void begin(struct case_running *r, const struct sim_case *c, const struct manager_ops *m,
                  unsigned seed)
{
    const struct sim_config config = {
        .host = c->host,
        .costs = c->costs,
        .manager = m,
        .manager_config = m == &MANAGER_AEROSTAT ? &c->settings.aerostat : NULL,
        .seed = seed,
    };
    unsigned n = c->scenario->guests->len;

    *r = (struct case_running){
        .c = c,
        .manager = m,
        .settings = c->settings,
        .s = sim_new(&config),
        .record = record_new(c->scenario),
        .work = g_new0(struct case_work, n),
        .seen = g_new0(struct case_seen, n),
        .operations = g_new0(double, n),
        .decided = g_new0(usec_t, n),
        .capacity = c->host.capacity,
        .interval = interval_of(c),
        .next_sample = CASE_LEAD,
    };
    r->record->simulated = true;
    r->record->period = m == &MANAGER_AEROSTAT ? (double)c->settings.aerostat.period / 1e6 : 0;
    for (unsigned g = 0; g < n; g++)
        r->work[g] =
            (struct case_work){.c = c, .guest = g, .simulated = sim_add(r->s, &c->guests[g])};
}

/* What became of the guests. */
static void conclude(struct case_running *r, struct case_result *ret)
{
    ret->record = r->record;
    ret->guests = g_new0(struct sim_guest_result, r->record->guests);
    sim_host_result(r->s, &ret->host);
    for (unsigned g = 0; g < r->record->guests; g++) {
        struct guest_outcome *o = &r->record->outcomes[g];
        struct sim_guest_result *sums = &ret->guests[g];

        sim_guest_result(r->s, g, sums);
        sums->name = scenario_guest(r->c->scenario, g)->name;
        o->base = case_base(r->c, g);
        o->panicked = sums->panicked;
        o->died = sums->killed_by_host;
        o->asked_to_end = o->asked_to_end || (sums->ended && !sums->killed_by_host);
    }
}

void case_run(const struct sim_case *c, const struct manager_ops *manager, unsigned seed,
              bool alone, struct case_result *ret)
{
    struct case_running r;

    begin(&r, c, manager, seed);
    run(&r);
    conclude(&r, ret);
    if (alone)
        case_work_alone(c, seed, ret->record);
    sim_free(r.s);
    g_free(r.work);
    g_free(r.seen);
    g_free(r.operations);
    g_free(r.decided);
}

void case_result_clear(struct case_result *result)
{
    g_clear_pointer(&result->record, record_free);
    g_clear_pointer(&result->guests, g_free);
}

double case_relative(const struct case_result *result, unsigned guest)
{
    const struct sim_guest_result *sums = &result->guests[guest];
    double relative = measure_relative(result->record, guest);

    if (isfinite(relative))
        return relative;
    return sums->work_wanted > 0 ? sums->work_done / sums->work_wanted : (double)NAN;
}
