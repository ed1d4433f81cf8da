/* SPDX-License-Identifier: Apache-2.0 */
/* What pagers do, for Prometheus. */
#pragma once

#include "daemon/guests.h"

/* Of all guests that are to have a pager. */
void metrics_put_pagers(GString *text, const struct guests *guests);
