/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading over json-c. Its own getters coerce ("12abc" is 12, true is 1, -1 as uint64 is 0)
 * and clamp; input that comes from a guest, an API client or a file is checked for its type and
 * range here instead. Writing uses json-c itself.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* One whole document of @len bytes, UTF-8 checked, nothing after it but white space. NULL on error,
 * with a one-line reason in @ret_why (static storage; may be NULL). The caller owns the result. */
struct json_object *json_parse(const char *text, size_t len, const char **ret_why);

/* Members of the object @obj (NULL or no object: absent). True only where @key is present with
 * exactly that type and in the range of the result; otherwise @ret is unchanged. */
bool json_get_u64(struct json_object *obj, const char *key, uint64_t *ret);
bool json_get_i64(struct json_object *obj, const char *key, int64_t *ret);
bool json_get_double(struct json_object *obj, const char *key,
                     double *ret); /* an integer too; finite */
bool json_get_bool(struct json_object *obj, const char *key, bool *ret);
bool json_get_string(struct json_object *obj, const char *key,
                     const char **ret); /* owned by @obj */
struct json_object *json_get_object(struct json_object *obj,
                                    const char *key); /* borrowed, or NULL */
struct json_object *json_get_array(struct json_object *obj,
                                   const char *key); /* borrowed, or NULL */

/* Adds to the object @obj. */
void json_put_u64(struct json_object *obj, const char *key, uint64_t value);
void json_put_double(struct json_object *obj, const char *key, double value); /* not finite: null */
void json_put_bool(struct json_object *obj, const char *key, bool value);
/* NULL: null. Names of files and words cut short need not be UTF-8: what is none becomes U+FFFD. */
void json_put_string(struct json_object *obj, const char *key, const char *value);
void json_put_null(struct json_object *obj, const char *key);
void json_put_object(struct json_object *obj, const char *key,
                     struct json_object *value); /* takes it */
