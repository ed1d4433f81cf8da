/* SPDX-License-Identifier: Apache-2.0 */
/* Goals that want more than a sample: the lab reads the guests' memory for them. */
#pragma once

#include "lab/member.h"

/* What is due at @now; the record's number of @members. */
void looks_take(struct record *record, const struct member *members, double now);
