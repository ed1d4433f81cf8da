/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/members.h"

#include "base/json.h"

uint64_t member_u64(struct json_object *object, const char *key)
{
    uint64_t value = UNKNOWN_U64;

    json_get_u64(object, key, &value);
    return value;
}

double member_double(struct json_object *object, const char *key)
{
    double value = UNKNOWN_DOUBLE;

    json_get_double(object, key, &value);
    return value;
}

const char *member_string(struct json_object *object, const char *key)
{
    const char *value = NULL;

    json_get_string(object, key, &value);
    return value;
}

const char *member_yes_no(struct json_object *object, const char *key)
{
    bool value = false;

    if (!json_get_bool(object, key, &value))
        return NULL;
    return value ? "yes" : "no";
}
