/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/view_health.h"

#include "base/json.h"

struct json_object *view_marks(const struct host_view *host)
{
    struct json_object *obj = json_object_new_object();

    for (int state = 0; state < HOST_STATE_MAX; state++)
        json_put_u64(obj, host_state_name((enum host_state)state), host->marks[state]);
    return obj;
}

static struct json_object *view_lost(const struct guest_view *view)
{
    struct json_object *obj = json_object_new_object();
    struct json_object *seconds = json_object_new_object();

    json_put_double(obj, "part", view->lost_part);
    for (int by = 0; by < LOST_BY_MAX; by++)
        json_put_double(seconds, lost_by_name((enum lost_by)by),
                        (double)view->lost[by] / (double)USEC_PER_SEC);
    json_put_object(obj, "seconds", seconds);
    return obj;
}

void view_put_health(struct json_object *obj, const struct guest_view *view)
{
    struct json_object *rates = json_object_new_object();

    json_put_object(obj, "lost", view_lost(view));
    json_put_u64(rates, "balloon", view->balloon_rate);
    json_put_u64(rates, "swap", view->swap_rate);
    json_put_object(obj, "rates", rates);
    json_put_u64(obj, "paged_by_guest", view->paged_by_guest);
    json_put_u64(obj, "guest_swap_seen", view->guest_swap_seen);
}

void view_put_unknown_health(struct json_object *obj)
{
    static const char *const members[] = {"lost", "rates", "paged_by_guest", "guest_swap_seen"};

    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        json_put_null(obj, members[i]);
}
