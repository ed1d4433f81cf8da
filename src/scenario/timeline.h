/* SPDX-License-Identifier: Apache-2.0 */
/* When the host was in which state, and what each mechanism did then, in plain words. */
#pragma once

#include "scenario/record.h"

void timeline_print(const struct record *r);
