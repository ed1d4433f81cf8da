/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the API's objects for display: what is null, absent or of another type is UNKNOWN_U64,
 * UNKNOWN_DOUBLE or NULL. An object that is itself absent (NULL) has none.
 */
#pragma once

#include <json-c/json.h>
#include <stdint.h>

#include "cli/text.h"

uint64_t member_u64(struct json_object *object, const char *key);
double member_double(struct json_object *object, const char *key);
const char *member_string(struct json_object *object, const char *key); /* owned by @object */
const char *member_yes_no(struct json_object *object, const char *key); /* of a boolean */
