/* SPDX-License-Identifier: Apache-2.0 */
/* The shares of a scenario's guest as a number. */
#pragma once

#include "scenario/scenario.h"

/* False where the word is none; *ret_shares is unchanged then. */
bool shares_of(const struct scenario_guest *guest, double *ret_shares);
