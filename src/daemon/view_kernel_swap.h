/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's host swap as the API shows it (docs/api.md). */
#pragma once

#include <json-c/json.h>

#include "daemon/kernel_swap.h"

/* All but why it may occupy no more. */
struct json_object *view_kernel_swap(const struct kernel_swap_view *view);
