/* SPDX-License-Identifier: Apache-2.0 */
/* Was a goal met? */
#pragma once

#include "scenario/goal.h"
#include "scenario/record.h"

struct judgement {
    bool met;
    bool unknown; /* it says nothing: the run was simulated, and this can't be */
    char *value;  /* with its unit, and what is to be compared with it; owned */
    char *limit;  /* owned */
};

/* @ret: judgement_clear() it. */
void judge(const struct record *r, const struct goal *goal, struct judgement *ret);
void judgement_clear(struct judgement *judgement);

/* Prints "goal NAME: VALUE (limit LIMIT) met" or "… missed" for each, or that it is not simulated;
 * true where none was missed. */
bool judge_all(const struct record *r);
