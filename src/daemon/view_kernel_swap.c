/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/view_kernel_swap.h"

#include "base/json.h"

#define PERMILLE 1000.0

static struct json_object *view_rates(const struct kernel_swap_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_double(obj, "out", v->out_rate);
    json_put_double(obj, "in", v->in_rate);
    return obj;
}

static struct json_object *view_sampling(const struct kernel_swap_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_u64(obj, "windows", v->sample_windows);
    if (v->active_permille == UINT64_MAX)
        json_put_null(obj, "active");
    else
        json_put_double(obj, "active", (double)v->active_permille / PERMILLE);
    json_put_double(obj, "cpu", (double)v->sampling_cpu / (double)USEC_PER_SEC);
    return obj;
}

struct json_object *view_kernel_swap(const struct kernel_swap_view *v)
{
    struct json_object *obj = json_object_new_object();

    json_put_string(obj, "standing", kernel_swap_standing_name(v->standing));
    json_put_string(obj, "error", v->error);
    json_put_string(obj, "method", kernel_swap_method_name(v->method));
    json_put_string(obj, "method_reason", v->method_reason);
    json_put_string(obj, "source", kernel_swap_source_name(v->source));
    json_put_string(obj, "cgroup", v->cgroup);
    json_put_u64(obj, "swapped", v->swapped);
    json_put_u64(obj, "zswapped", v->zswapped);
    if (v->allowed == ALLOWED_ANY)
        json_put_null(obj, "allowed");
    else
        json_put_u64(obj, "allowed", v->allowed);
    json_put_u64(obj, "promised", v->promised);
    json_put_object(obj, "rates", view_rates(v));
    json_put_u64(obj, "out", v->out);
    json_put_u64(obj, "in", v->in);
    json_put_double(obj, "speed", v->reclaim_speed);
    json_put_object(obj, "sampling", view_sampling(v));
    return obj;
}
