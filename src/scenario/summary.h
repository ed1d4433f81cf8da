/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a run, in plain words. */
#pragma once

#include "scenario/record.h"

void summary_print(const struct record *r);
