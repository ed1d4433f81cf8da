/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/stats_json.h"

#include "base/json.h"

void stats_from_json(struct json_object *answer, struct guest_stats *ret)
{
    struct json_object *stats = json_get_object(answer, "stats");
    struct guest_stats s = GUEST_STATS_NONE;

    (void)json_get_u64(answer, "last-update", &s.last_update);
    (void)json_get_u64(stats, "stat-total-memory", &s.total);
    (void)json_get_u64(stats, "stat-free-memory", &s.free);
    (void)json_get_u64(stats, "stat-available-memory", &s.available);
    (void)json_get_u64(stats, "stat-disk-caches", &s.caches);
    (void)json_get_u64(stats, "stat-swap-in", &s.swap_in);
    (void)json_get_u64(stats, "stat-swap-out", &s.swap_out);
    (void)json_get_u64(stats, "stat-major-faults", &s.major_faults);
    (void)json_get_u64(stats, "stat-minor-faults", &s.minor_faults);
    (void)json_get_u64(stats, "stat-oom-kills", &s.oom_kills);
    (void)json_get_u64(stats, "stat-alloc-stalls", &s.alloc_stalls);
    (void)json_get_u64(stats, "stat-direct-reclaims", &s.direct_reclaims);
    *ret = s;
}
