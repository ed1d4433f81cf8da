/* SPDX-License-Identifier: Apache-2.0 */
/* The host's "sharing" object of the API and a guest's "shared", as docs/api.md has them. The
 * caller owns the result. */
#pragma once

#include <json-c/json.h>

#include "daemon/sharing.h"

struct json_object *view_sharing(const struct sharing_view *view);

struct json_object *view_guest_sharing(const struct guest *guest);
