/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "daemon/guests.h"

/* What there is to say of the guests' host swap by the kernel. */
void metrics_put_kernel_swap(GString *text, const struct guests *guests);
