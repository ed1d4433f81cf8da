/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to qom-get guest-stats (QEMU docs/virtio-balloon-stats.txt). */
#pragma once

#include <json-c/json.h>

#include "core/stats.h"

/* What @answer does not have, or has with another type, is GUEST_STAT_UNSET. @answer may be NULL.
 */
void stats_from_json(struct json_object *answer, struct guest_stats *ret);
