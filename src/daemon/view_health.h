/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of how guests fare, and of how fast memory can be had of them; see docs/api.md. */
#pragma once

#include <json-c/json.h>

#include "core/policy.h"

/* {"high": bytes, ...}: the free memory at which the host's state changes. */
struct json_object *view_marks(const struct host_view *host);

/* Adds lost, rates, paged_by_guest and guest_swap_seen. */
void view_put_health(struct json_object *obj, const struct guest_view *view);

/* The same, not known. */
void view_put_unknown_health(struct json_object *obj);
