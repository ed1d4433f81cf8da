/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/looks.h"

#include "lab/identical.h"

/* Reading all memory of the guests takes a while. */
#define MERGED_LOOK_SECONDS 10

/* What of the memory of guests of one trust domain is the same, and what of that is merged. */
static void look_at_merged(struct record *record, const struct member *members, double now)
{
    struct identical *all = identical_new();

    for (unsigned g = 0; g < record->guests; g++)
        if (members[g].spec->share && members[g].state == MEMBER_READY)
            identical_add(all, lab_vm_pid(members[g].vm), members[g].spec->size);
    record->merged = (struct merged_look){.t = now, .bytes = identical_count(all)};
    identical_free(all);
}

/* Is it time to look at what is merged again? As long as it was not enough, and the goal lasts. */
static bool look_is_due(const struct record *record, const struct goal *goal, double now)
{
    const struct merged_look *last = &record->merged;
    bool enough =
        last->t > 0 && (double)last->bytes.saved >= goal->limit * (double)last->bytes.possible;

    return !enough && last->t < goal->to &&
           (now >= goal->to || now >= MAX(last->t, goal->from) + MERGED_LOOK_SECONDS);
}

void looks_take(struct record *record, const struct member *members, double now)
{
    for (unsigned i = 0; i < record->scenario->goals->len; i++) {
        const struct goal *goal = &g_array_index(record->scenario->goals, struct goal, i);

        if (goal->kind == GOAL_MERGED_PART && look_is_due(record, goal, now))
            look_at_merged(record, members, now);
    }
}
