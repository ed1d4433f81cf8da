/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's swap space, for Prometheus. */
#pragma once

#include <glib.h>

#include "daemon/swap_pool.h"

void metrics_put_swap(GString *text, const struct swap_pool_view *view);
