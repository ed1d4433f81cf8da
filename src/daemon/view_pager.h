/* SPDX-License-Identifier: Apache-2.0 */
/* The API's "pager" object, as docs/api.md has it. The caller owns the result. */
#pragma once

#include <json-c/json.h>

#include "daemon/pagers.h"

struct json_object *view_pager(const struct pager_view *view);
