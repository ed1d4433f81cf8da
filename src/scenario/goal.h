/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expectation of a scenario, as its [expect] section states it: "reached.web = 400M by 60s".
 * judge.h says whether it was met. To add one: a line in the table of goal.c, and its measure in
 * judge.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/hoststate.h"
#include "scenario/means.h"

#define GOAL_STATES_MAX 32

enum goal_kind {
    GOAL_WRONG_PAGES,
    GOAL_OOM_KILLS,
    GOAL_PANICS,
    GOAL_GUESTS_ALIVE,
    GOAL_REACHED,
    GOAL_GRANTED,
    GOAL_RELATIVE,
    GOAL_RELIEF,
    GOAL_MOVED_RATIO,
    GOAL_OVER_CAPACITY,
    GOAL_OVER_CAPACITY_SECONDS,
    GOAL_BACK_AT_FULL,
    GOAL_SPLIT_BY_SHARES,
    GOAL_TARGET_RESENDS,
    GOAL_NO_INFLATE,
    GOAL_DRIVER,
    GOAL_TRUST,
    GOAL_DISTRUSTED,
    GOAL_STATE,
    GOAL_YIELDS,
    GOAL_TOUCHES,
    GOAL_TAKEOVERS,
    GOAL_EVICTED,
    GOAL_OUT,
    GOAL_SQUEEZED,
    GOAL_RESIDENT,
    GOAL_HELD_PAGES,
    GOAL_VISITS,
    GOAL_ONLY_IN,
    GOAL_ACTS,
    GOAL_PROGRESS,
    GOAL_RECOVERY,
    GOAL_BACK_BELOW,
    GOAL_ENTITLED,
    GOAL_BLOCKED_FAIR,
    GOAL_MERGED_PART,
    GOAL_SHARE_RATE,
    GOAL_KIND_MAX,
};

/* What stands as the limit. */
enum goal_unit {
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_RATIO,
    UNIT_SECONDS,
    UNIT_PERIODS, /* decision periods of the daemon */
    UNIT_WORD,
    UNIT_STATES, /* of the host, one or several */
};

enum goal_sense {
    AT_MOST,
    AT_LEAST,
    EQUALS
};

struct goal {
    enum goal_kind kind;
    char *name;  /* as in the file, "reached.web" or, to state a goal twice, "reached.web/again" */
    char *guest; /* "web"; NULL: all of them */
    double limit;
    char *word; /* UNIT_WORD; UNIT_STATES: as written */
    enum host_state states[GOAL_STATES_MAX];
    unsigned state_count;
    enum means mechanism; /* only-in, acts: of which mechanism */
    char *other;          /* yields: to whom */
    double from, to; /* the window on the scenario's clock; by T: 0 to T; after T: T to the end */
};

enum goal_unit goal_unit(enum goal_kind kind);
enum goal_sense goal_sense(enum goal_kind kind);

/* @error speaks of the value or of the key, without its place. @ret_goal: goal_clear() it. */
bool goal_parse(const char *key, const char *value, struct goal *ret_goal, GError **error);
void goal_clear(struct goal *goal);

/* @value with its unit, "400M", "1.5 periods", "0.97"; owned by the caller. */
char *goal_format(enum goal_unit unit, double value);
