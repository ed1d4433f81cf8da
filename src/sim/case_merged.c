/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/case_merged.h"

/* As in the lab (run.c). */
#define LOOK_SECONDS 10.0

/* What the guest owns at this moment that every other one has, too. */
static uint64_t identical(const struct sim_case *c, const struct sim *s, unsigned g)
{
    const struct work *work = &c->guests[g].work;
    const struct work_step *step = NULL;
    struct sim_guest_now now;

    sim_guest_now(s, g, &now);
    for (size_t i = 0; i < work->n && work->steps[i].at <= sim_now(s); i++)
        step = &work->steps[i];
    if (!step || !now.alive || !c->guests[g].share)
        return 0;
    return (uint64_t)(step->content.identical *
                      (double)u64_sub(now.used + now.swapped_by_guest, case_base(c, g)));
}

static struct identical_bytes count(const struct sim_case *c, const struct sim *s, unsigned guests)
{
    struct identical_bytes all = {0};
    uint64_t most = 0;

    for (unsigned g = 0; g < guests; g++) {
        uint64_t same = identical(c, s, g);
        struct sim_guest_now now;

        sim_guest_now(s, g, &now);
        all.possible += same;
        all.saved += now.saved;
        most = u64_max(most, same);
    }
    all.possible -= most; /* one of each stays */
    return all;
}

static bool is_due(const struct merged_look *last, const struct goal *goal, double t)
{
    bool enough =
        last->t > 0 && (double)last->bytes.saved >= goal->limit * (double)last->bytes.possible;

    return !enough && last->t < goal->to &&
           (t >= goal->to || t >= MAX(last->t, goal->from) + LOOK_SECONDS);
}

void case_merged_look(const struct sim_case *c, const struct sim *s, struct record *record)
{
    double t = ((double)sim_now(s) - (double)CASE_LEAD) / 1e6;

    for (unsigned i = 0; i < record->scenario->goals->len; i++) {
        const struct goal *goal = &g_array_index(record->scenario->goals, struct goal, i);

        if (goal->kind == GOAL_MERGED_PART && is_due(&record->merged, goal, t))
            record->merged = (struct merged_look){.t = t, .bytes = count(c, s, record->guests)};
    }
}
