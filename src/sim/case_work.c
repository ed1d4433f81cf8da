/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator knows work in seconds; a step says how many operations a second that is at full
 * speed. What is done of it is the part that was done of what was wanted.
 */
#include "sim/case_work.h"

#include "sim/manager.h"

static double clock_of(const struct sim *s)
{
    return ((double)sim_now(s) - (double)CASE_LEAD) / 1e6;
}

static const struct work_step *step_now(struct case_work *w, usec_t now)
{
    const struct work *work = &w->c->guests[w->guest].work;

    while (w->next_step < work->n && work->steps[w->next_step].at < now)
        w->next_step++;
    return w->next_step > 0 ? &work->steps[w->next_step - 1] : NULL;
}

static void count(struct case_work *w, const struct sim *s, double dt)
{
    const struct work_step *step = step_now(w, sim_now(s));
    struct sim_guest_result now;
    double wanted;

    sim_guest_result(s, w->simulated, &now);
    wanted = now.work_wanted - w->before.work_wanted;
    if (step && wanted > 0)
        w->operations += step->ops * dt * (now.work_done - w->before.work_done) / wanted;
    w->before = now;
}

void case_work_end(struct case_work *w, const struct sim *s, GArray *phases)
{
    for (unsigned i = 0; i < phases->len; i++) {
        struct work_phase *p = &g_array_index(phases, struct work_phase, i);

        if (p->guest != w->guest || p->end > 0)
            continue;
        p->end = clock_of(s);
        p->operations_after = (uint64_t)w->operations;
    }
}

/* A file that is read once counts no operations, and a real program does none here. */
static bool is_work(const struct phase *p)
{
    return phase_is_work(p->kind) && p->kind != PHASE_RUN && !p->once;
}

void case_work_follow(struct case_work *w, const struct sim *s, double dt, GArray *phases)
{
    const struct scenario_guest *g = scenario_guest(w->c->scenario, w->guest);

    count(w, s, dt);
    for (; w->next_phase < g->phases->len; w->next_phase++) {
        const struct phase *p = &g_array_index(g->phases, struct phase, w->next_phase);
        struct work_phase begun = {.guest = w->guest,
                                   .phase = w->next_phase,
                                   .begin = clock_of(s),
                                   .operations_before = (uint64_t)w->operations};

        if (case_clock(MAX(p->at, g->start)) > sim_now(s))
            break;
        if (phase_is_order(p->kind) || p->kind == PHASE_KILL || p->kind == PHASE_QUIT)
            case_work_end(w, s, phases);
        if (is_work(p))
            g_array_append_val(phases, begun);
    }
}

static bool works(const struct scenario_guest *g)
{
    for (unsigned i = 0; i < g->phases->len; i++)
        if (is_work(&g_array_index(g->phases, struct phase, i)))
            return true;
    return false;
}

/* The guest by itself, on a host of which nothing is wanted. */
static GArray *run_alone(const struct sim_case *c, unsigned guest, unsigned seed)
{
    const struct sim_config config = {.host = {.capacity = 2 * c->guests[guest].size,
                                               .swap = c->guests[guest].size,
                                               .tick = c->host.tick},
                                      .costs = c->costs,
                                      .manager = &MANAGER_NONE,
                                      .seed = seed};
    GArray *phases = g_array_new(FALSE, TRUE, sizeof(struct work_phase));
    struct sim *s = sim_new(&config);
    struct case_work w = {.c = c, .guest = guest, .simulated = sim_add(s, &c->guests[guest])};

    while (sim_now(s) < case_end(c)) {
        sim_step(s);
        case_work_follow(&w, s, (double)c->host.tick / 1e6, phases);
    }
    case_work_end(&w, s, phases);
    sim_free(s);
    return phases;
}

static void apply(const GArray *alone, unsigned guest, GArray *work)
{
    for (unsigned i = 0; i < work->len; i++) {
        struct work_phase *w = &g_array_index(work, struct work_phase, i);

        for (unsigned k = 0; w->guest == guest && k < alone->len; k++) {
            const struct work_phase *a = &g_array_index(alone, struct work_phase, k);

            if (a->phase == w->phase && a->end > a->begin)
                w->alone_rate =
                    (double)(a->operations_after - a->operations_before) / (a->end - a->begin);
        }
    }
}

/* Guests of one section do the same. */
static bool same_section(const struct sim_case *c, unsigned a, unsigned b)
{
    return scenario_guest(c->scenario, a)->phases == scenario_guest(c->scenario, b)->phases;
}

void case_work_alone(const struct sim_case *c, unsigned seed, struct record *record)
{
    g_autoptr(GArray) last = NULL;

    for (unsigned g = 0; g < record->guests; g++) {
        if (!works(scenario_guest(c->scenario, g)))
            continue;
        if (!last || g == 0 || !same_section(c, g - 1, g)) {
            g_clear_pointer(&last, g_array_unref);
            last = run_alone(c, g, seed);
        }
        apply(last, g, record->work);
    }
}
