/* SPDX-License-Identifier: Apache-2.0 */
/* Goals whose limit is one or more states of the host. */
#pragma once

#include "scenario/goal.h"
#include "scenario/record.h"

/* What came of it in words (owned by the caller); *ret_met: was it met? */
char *judge_states(const struct record *r, const struct goal *goal, bool *ret_met);
