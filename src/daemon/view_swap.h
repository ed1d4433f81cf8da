/* SPDX-License-Identifier: Apache-2.0 */
/* The API's "swap_pool" object, as docs/api.md has it. The caller owns the result. */
#pragma once

#include <json-c/json.h>

#include "daemon/swap_pool.h"

struct json_object *view_swap(const struct swap_pool_view *view);
