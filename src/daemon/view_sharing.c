/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/view_sharing.h"

#include "base/json.h"

struct json_object *view_sharing(const struct sharing_view *view)
{
    struct json_object *obj = json_object_new_object();

    json_put_bool(obj, "supported", view->supported);
    json_put_bool(obj, "run", view->run);
    json_put_string(obj, "reason", share_reason_name(view->decision.reason));
    json_put_string(obj, "explain", view->text);
    json_put_string(obj, "domain", view->domain);
    json_put_string(obj, "blocker", view->blocker);
    json_put_u64(obj, "rate", (uint64_t)view->decision.rate);
    json_put_double(obj, "cpu", view->cpu);
    json_put_u64(obj, "shared", view->shared);
    json_put_u64(obj, "saved", view->saved);
    json_put_u64(obj, "unshared", view->unshared);
    json_put_u64(obj, "full_scans", view->seen.full_scans);
    return obj;
}

struct json_object *view_guest_sharing(const struct guest *guest)
{
    struct json_object *obj = json_object_new_object();
    struct sharing_guest_view view;

    sharing_guest_view(guest, &view);
    json_put_string(obj, "standing", sharing_standing_name(view.standing));
    json_put_string(obj, "domain", view.domain);
    json_put_string(obj, "error", view.error);
    json_put_u64(obj, "merged", view.merged);
    json_put_u64(obj, "saved", view.saved);
    return obj;
}
