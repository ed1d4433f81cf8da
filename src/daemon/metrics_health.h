/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of how guests fare. */
#pragma once

#include <glib.h>

#include "core/policy.h"
#include "daemon/guests.h"

void metrics_put_health(GString *text, const struct host_view *host, const struct guests *guests);
