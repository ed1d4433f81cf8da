/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests from a recording: each is one of the recorded ones, whose recording is a ring that it
 * enters somewhere. By whole days the hours stay what they were, so that all are busy together if
 * they were; by any time ("phase") that is lost, and a fleet looks better than it is. What a
 * recorded guest did not live through it rests.
 */
#include "sim/fleet_impl.h"
#include "sim/trace.h"

/* Where in the recording the first midnight falls. */
static usec_t draw_shift(const struct fleet *f, GRand *rand)
{
    usec_t length = f->trace->length;
    double where = g_rand_double(rand);

    if (f->shift == FLEET_SHIFT_PHASE)
        return (usec_t)(where * (double)length);
    return (usec_t)(where * (double)u64_max(1, length / FLEET_DAY)) * FLEET_DAY % length;
}

/* The last step that begins at or before @at; none: n. */
static size_t step_at(const struct work *w, usec_t at)
{
    size_t low = 0, high = w->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (w->steps[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : w->n;
}

/* The middle of a step: what happens once at its beginning is over. */
static void enter(const struct work *recorded, usec_t at, usec_t now, struct work *ret)
{
    size_t i = step_at(recorded, at);
    struct work_step step = i < recorded->n ? recorded->steps[i] : (struct work_step){.threads = 1};

    step.at = now;
    step.cold_cache = 0;
    step.drop_caches = false;
    work_append(ret, &step);
}

/* One time round the ring, from @at in it, which is @now, until @end. */
static usec_t go_round(const struct work *recorded, usec_t length, usec_t at, usec_t now,
                       usec_t end, struct work *ret)
{
    usec_t until = u64_min(end, now + (length - at));

    enter(recorded, at, now, ret);
    for (size_t i = 0; i < recorded->n; i++) {
        struct work_step step = recorded->steps[i];

        if (step.at <= at)
            continue;
        step.at = now + (step.at - at);
        if (step.at >= until)
            break;
        work_append(ret, &step);
    }
    return until;
}

/* Steps after the recorded guest's end, as it rests. */
static void copy_life(const struct sim_guest_spec *g, usec_t length, struct work *ret)
{
    const struct work_step rest = {.at = g->end, .threads = 1};

    for (size_t i = 0; i < g->work.n; i++)
        if (g->work.steps[i].at < u64_min(g->end, length))
            work_append(ret, &g->work.steps[i]);
    if (g->end < length)
        work_append(ret, &rest);
}

void fleet_recorded_guest(const struct fleet *f, GRand *rand, unsigned recorded, usec_t length,
                          struct sim_guest_spec *ret)
{
    const struct sim_guest_spec *g = &f->trace->guests[recorded];
    usec_t ring = f->trace->length, shift = draw_shift(f, rand);
    usec_t start = fleet_guest_start(rand), end = FLEET_WARM_UP + length;
    usec_t at = (shift + ring - (FLEET_WARM_UP - start) % ring) % ring;
    struct work life = {0};

    *ret = *g;
    ret->name = g_strdup(g->name);
    ret->start = start;
    ret->end = USEC_NEVER;
    ret->pause_from = ret->pause_to = 0;
    ret->work = (struct work){0};
    copy_life(g, ring, &life);
    for (usec_t now = start; now < end; at = 0)
        now = go_round(&life, ring, at, now, end, &ret->work);
    work_clear(&life);
}
