/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a guest that `set` knows (cmd_set.c); the completion lists them too. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>

struct setting {
    const char *key;     /* NULL ends the list */
    const char *member;  /* of the API's guest object */
    const char *allowed; /* values, in words */
    /* Adds the value to the body of a PATCH; false if it is none. */
    bool (*put)(struct json_object *body, const char *member, const char *value);
};

extern const struct setting SETTINGS[];
