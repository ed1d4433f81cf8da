/* SPDX-License-Identifier: Apache-2.0 */
/* Records made by hand, of two guests of 512 MiB called a and b: one sample a second. */
#pragma once

#include <glib.h>

#include "scenario/judge.h"
#include "scenario/measure.h"

struct fixture {
    struct scenario scenario;
    struct scenario_guest guests[2];
    struct record *record;
};

/* For g_test_add(). */
void fixture_setup(struct fixture *f, const void *data);
void fixture_teardown(struct fixture *f, const void *data);

/* One sample more, in state high; MiB granted and resident. The two guests' samples. */
struct guest_sample *fixture_add(struct fixture *f, uint64_t granted_a, uint64_t resident_a,
                                 uint64_t granted_b, uint64_t resident_b);

/* The daemon has sent a target. */
void fixture_event(struct fixture *f, const char *guest, double time, uint64_t to_mib);

void fixture_phase(struct fixture *f, unsigned guest, const char *line);

/* "goal NAME": met or missed, and as what value. */
void fixture_expect(struct fixture *f, const char *key, const char *limit, bool met,
                    const char *value);
