/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/order.h"

#include <json-c/json_object_iterator.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "guest/pages.h"
#include "guest/zipf.h"

static const struct verb {
    const char *name;
    enum order_verb verb;
    const char *members; /* that it takes besides "do", each between blanks */
} verbs[] = {
    {"fill", ORDER_FILL, " bytes content rate "},
    {"touch", ORDER_TOUCH, " bytes skew writes ops threads "},
    {"stream", ORDER_STREAM, " bytes repeat "},
    {"run", ORDER_RUN, " command repeat "},
    {"verify", ORDER_VERIFY, " "},
    {"free", ORDER_FREE, " bytes "},
    {"drop-caches", ORDER_DROP_CACHES, " "},
    {"idle", ORDER_IDLE, " "},
};

static bool has(struct json_object *obj, const char *key)
{
    return json_object_object_get_ex(obj, key, NULL);
}

static const struct verb *find_verb(struct json_object *obj)
{
    const char *name;

    if (!json_get_string(obj, "do", &name))
        return NULL;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (!strcmp(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

/* True where every member but "do" is in the list. */
static bool members_known(struct json_object *obj, const char *members)
{
    struct json_object_iterator at = json_object_iter_begin(obj), end = json_object_iter_end(obj);

    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *key = json_object_iter_peek_name(&at), *found = strstr(members, key);

        if (!strcmp(key, "do"))
            continue;
        if (!*key || !found || found[-1] != ' ' || found[strlen(key)] != ' ')
            return false;
    }
    return true;
}

/* An absent member leaves @ret alone. False where it is there and is not from @min to @max. */
static bool take_double(struct json_object *obj, const char *key, double min, double max,
                        double *ret)
{
    double value;

    if (!has(obj, key))
        return true;
    if (!json_get_double(obj, key, &value) || value < min || value > max)
        return false;
    *ret = value;
    return true;
}

static bool take_bytes(struct json_object *obj, bool required, uint64_t *ret)
{
    uint64_t value;

    if (!has(obj, "bytes"))
        return !required;
    if (!json_get_u64(obj, "bytes", &value) || value > PAGES_MAX * PAGE_BYTES)
        return false;
    *ret = value;
    return true;
}

static bool take_threads(struct json_object *obj, unsigned *ret)
{
    uint64_t value;

    if (!has(obj, "threads"))
        return true;
    if (!json_get_u64(obj, "threads", &value) || value < 1 || value > ORDER_THREADS_MAX)
        return false;
    *ret = (unsigned)value;
    return true;
}

static bool take_content(struct json_object *obj, struct content *ret)
{
    const char *name;
    double share;

    if (json_get_double(json_get_object(obj, "content"), "compressible", &share)) {
        if (!(share > 0) || share > 1)
            return false;
        *ret = content_compressible(share);
        return true;
    }
    if (!json_get_string(obj, "content", &name))
        return !has(obj, "content");
    if (!strcmp(name, "random"))
        *ret = content_random();
    else if (!strcmp(name, "zero"))
        *ret = content_zero();
    else if (!strcmp(name, "same"))
        *ret = content_same();
    else if (!strcmp(name, "mixed"))
        *ret = content_mixed();
    else
        return false;
    return true;
}

static bool take_command(struct json_object *obj, char ret[static ORDER_COMMAND_MAX])
{
    const char *text;
    size_t len;

    if (!json_get_string(obj, "command", &text))
        return false;
    len = strlen(text);
    if (len == 0 || len >= ORDER_COMMAND_MAX)
        return false;
    memcpy(ret, text, len + 1);
    return true;
}

static const char *parse_work(struct json_object *obj, struct order *order)
{
    const struct verb *verb = find_verb(obj);
    bool sized = verb && (verb->verb == ORDER_FILL || verb->verb == ORDER_TOUCH ||
                          verb->verb == ORDER_STREAM);

    if (!verb)
        return "order: \"do\" is none of fill, touch, stream, run, verify, free, drop-caches, idle";
    order->verb = verb->verb;
    if (!members_known(obj, verb->members))
        return "order: a member that this one does not take";
    if (!take_bytes(obj, sized, &order->bytes) || (verb->verb == ORDER_TOUCH && !order->bytes))
        return "order: bytes missing or out of range";
    if (verb->verb == ORDER_RUN && !take_command(obj, order->command))
        return "order: command missing, empty or too long";
    if (!take_content(obj, &order->content))
        return "order: content is none of random, zero, same, mixed, {\"compressible\": 0-1}";
    if (!take_double(obj, "rate", 0, 1e15, &order->rate) ||
        !take_double(obj, "ops", 0, 1e9, &order->rate))
        return "order: rate or ops out of range";
    if (!take_double(obj, "skew", 0, ZIPF_SKEW_MAX, &order->skew))
        return "order: skew out of range";
    if (!take_double(obj, "writes", 0, 1, &order->writes))
        return "order: writes is not from 0 to 1";
    if (!take_threads(obj, &order->threads))
        return "order: threads is not from 1 to 16";
    if (has(obj, "repeat") && !json_get_bool(obj, "repeat", &order->repeat))
        return "order: repeat is neither true nor false";
    return NULL;
}

static const char *parse_report(struct json_object *obj, struct order *order)
{
    uint64_t value;

    if (!json_get_u64(obj, "report_ms", &value) || value < ORDER_REPORT_MIN ||
        value > ORDER_REPORT_MAX || json_object_object_length(obj) != 1)
        return "order: report_ms out of range, or not alone";
    order->verb = ORDER_REPORT;
    order->report_ms = (unsigned)value;
    return NULL;
}

const char *order_parse(const char *line, size_t len, struct order *ret)
{
    autojson obj = json_parse(line, len, NULL);
    struct order order = {.content = content_random(), .threads = 1};
    const char *error;

    if (!json_object_is_type(obj, json_type_object))
        return "order: no JSON object";
    error = has(obj, "report_ms") ? parse_report(obj, &order) : parse_work(obj, &order);
    if (!error)
        *ret = order;
    return error;
}
