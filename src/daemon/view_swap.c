/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/view_swap.h"

#include "base/json.h"

static struct json_object *view_zswap(const struct swap_pool_view *view)
{
    struct json_object *obj = json_object_new_object();

    json_put_bool(obj, "on", view->zswap);
    json_put_string(obj, "explain", view->zswap_reason);
    json_put_u64(obj, "payload", view->zswap_payload);
    json_put_u64(obj, "pool", view->zswap_pool);
    return obj;
}

struct json_object *view_swap(const struct swap_pool_view *view)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "size", view->size);
    json_put_u64(obj, "used", view->used);
    json_put_u64(obj, "own", view->own_size);
    json_put_u64(obj, "counted", view->counted);
    json_put_u64(obj, "needed", view->needed);
    json_put_u64(obj, "could_grow", view->could_grow);
    json_put_u64(obj, "files", view->files);
    json_put_bool(obj, "growing", view->growing);
    json_put_string(obj, "error", view->error);
    json_put_object(obj, "zswap", view_zswap(view));
    return obj;
}
