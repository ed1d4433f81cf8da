/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a simulation as a sample of a record. */
#pragma once

#include "scenario/record.h"
#include "sim/case.h"

/* What is carried on from one sample of a guest to the next. */
struct case_seen {
    struct agent_report report;
    uint64_t granted;
};

/* By the manager where it has a view of the host, else by what is free. */
enum host_state case_host_state(const struct sim *s, uint64_t capacity, enum host_state before);

/* Appends one; @seen and @operations have one for each guest. */
void case_sample(const struct sim_case *c, const struct sim *s, uint64_t capacity,
                 enum host_state state, struct case_seen *seen, const double *operations,
                 struct record *record);
