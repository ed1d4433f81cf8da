/* SPDX-License-Identifier: Apache-2.0 */
/* Of fleet_draw.c and fleet_trace.c: where a drawn guest comes from. */
#pragma once

#include "sim/fleet.h"

/* Guests start one after the other in the first half of the warm-up. */
usec_t fleet_guest_start(GRand *rand);

/* The recorded guest, moved in time and repeated for @length from the end of the warm-up. */
void fleet_recorded_guest(const struct fleet *f, GRand *rand, unsigned recorded, usec_t length,
                          struct sim_guest_spec *ret);
