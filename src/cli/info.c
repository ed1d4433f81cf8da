/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/info.h"

#include <glib.h>

#include "base/json.h"
#include "cli/info_paging.h"
#include "cli/members.h"

static void read_distress(struct guest_info *guest, struct json_object *object)
{
    struct json_object *names = json_get_array(object, "distress");
    size_t count = names ? json_object_array_length(names) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *name = json_object_array_get_idx(names, i);

        if (!json_object_is_type(name, json_type_string))
            continue;
        if (*guest->distress)
            g_strlcat(guest->distress, ", ", DISTRESS_TEXT_MAX);
        g_strlcat(guest->distress, json_object_get_string(name), DISTRESS_TEXT_MAX);
    }
}

static void read_stats(struct guest_info *guest, struct json_object *stats)
{
    guest->trust = member_string(stats, "trust");
    guest->stats_age = member_double(stats, "age");
    guest->stats_total = member_u64(stats, "total");
    guest->stats_free = member_u64(stats, "free");
    guest->stats_available = member_u64(stats, "available");
    guest->stats_caches = member_u64(stats, "caches");
    guest->swap_in_rate = member_double(stats, "swap_in_rate");
    guest->swap_out_rate = member_double(stats, "swap_out_rate");
    guest->major_fault_rate = member_double(stats, "major_fault_rate");
    guest->oom_kills = member_u64(stats, "oom_kills");
}

static struct lost_info read_lost(struct json_object *lost)
{
    struct json_object *seconds = json_get_object(lost, "seconds");

    return (struct lost_info){
        .part = member_double(lost, "part"),
        .guest_swap = member_double(seconds, "guest-swap"),
        .host_swap = member_double(seconds, "host-swap"),
        .blocked = member_double(seconds, "blocked"),
    };
}

static struct guest_sharing_info read_sharing(struct json_object *shared)
{
    return (struct guest_sharing_info){
        .standing = member_string(shared, "standing"),
        .domain = member_string(shared, "domain"),
        .error = member_string(shared, "error"),
        .merged = member_u64(shared, "merged"),
        .saved = member_u64(shared, "saved"),
    };
}

void guest_info_read(struct guest_info *guest, struct json_object *object)
{
    struct json_object *activity = json_get_object(object, "activity");
    struct json_object *balloon = json_get_object(object, "balloon");
    struct json_object *rates = json_get_object(object, "rates");
    struct json_object *blocked = json_get_object(object, "blocked");

    *guest = (struct guest_info){
        .name = member_string(object, "name"),
        .vmm = member_string(object, "vmm"),
        .socket = member_string(object, "socket"),
        .ram = member_string(object, "ram"),
        .link = member_string(object, "link"),
        .error = member_string(object, "error"),
        .running = member_yes_no(object, "running"),
        .admitted = member_yes_no(object, "admitted"),
        .pid = member_u64(object, "pid"),
        .size = member_u64(object, "size"),
        .granted = member_u64(object, "granted"),
        .resident = member_u64(object, "resident"),
        .overhead = member_u64(object, "overhead"),
        .entitled = member_u64(object, "entitled"),
        .active = member_u64(object, "active"),
        .activity_source = member_string(activity, "source"),
        .activity_slow = member_u64(activity, "slow"),
        .activity_fast = member_u64(activity, "fast"),
        .activity_current = member_u64(activity, "current"),
        .driver = member_string(balloon, "driver"),
        .balloon = member_u64(balloon, "current"),
        .balloon_target = member_u64(balloon, "target"),
        .balloon_max = member_u64(balloon, "max"),
        .shares = member_u64(object, "shares"),
        .reservation = member_u64(object, "reservation"),
        .limit = member_u64(object, "limit"),
        .exempt = member_yes_no(object, "exempt"),
        .guest_swap = member_string(object, "guest_swap"),
        .guest_swap_seen = member_u64(object, "guest_swap_seen"),
        .distress_age = member_double(object, "distress_age"),
        .lost = read_lost(json_get_object(object, "lost")),
        .balloon_speed = member_double(rates, "balloon"),
        .swap_speed = member_double(rates, "swap"),
        .sharing = read_sharing(json_get_object(object, "shared")),
        .blocked_now = member_yes_no(blocked, "now"),
        .blocked_times = member_u64(blocked, "times"),
        .blocked_seconds = member_double(blocked, "seconds"),
        .blocked_owed = member_double(blocked, "owed"),
        .paged_by_guest = member_u64(object, "paged_by_guest"),
        .reason = member_string(object, "reason"),
        .explain = member_string(object, "explain"),
        .decided_age = member_double(object, "decided_age"),
        .resident_rate = UNKNOWN_DOUBLE,
        .balloon_rate = UNKNOWN_DOUBLE,
    };
    pager_info_read(&guest->pager, json_get_object(object, "pager"));
    kernel_swap_info_read(&guest->kernel_swap, json_get_object(object, "kernel_swap"));
    guest->paged = paged_info_of(&guest->pager, &guest->kernel_swap);
    read_stats(guest, json_get_object(object, "stats"));
    read_distress(guest, object);
}
