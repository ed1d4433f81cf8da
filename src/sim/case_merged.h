/* SPDX-License-Identifier: Apache-2.0 */
/* What of the guests' memory is the same, and what of that is merged: as lab/identical.h counts. */
#pragma once

#include "scenario/record.h"
#include "sim/case.h"

/* Takes the look that a goal of @record is waiting for, where it is time for it. */
void case_merged_look(const struct sim_case *c, const struct sim *s, struct record *record);
