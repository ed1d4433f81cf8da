/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c's tokener, even when strict, takes NaN and Infinity, quotes keys with ', allows raw
 * control characters in strings and clamps integers that do not fit. json_check() looks at the
 * tokens first and refuses all of these, so that what a getter returns is what the text said. Of a
 * key given twice the last one counts.
 */
#include "base/json.h"

#include <glib.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* After the opening quote at text[at]: index of the closing one, or @len where there is none. */
static size_t string_end(const char *text, size_t len, size_t at, const char **why)
{
    for (at++; at < len && text[at] != '"'; at++) {
        if ((unsigned char)text[at] < 0x20) {
            *why = "control character in a string";
            return len;
        }
        if (text[at] == '\\')
            at++;
    }
    if (at >= len)
        *why = "unexpected end of the document";
    return at < len ? at : len;
}

static bool word_is(const char *word, size_t len, const char *expected)
{
    return len == strlen(expected) && !memcmp(word, expected, len);
}

/* Integers must fit into 64 bits: as uint64_t, or as int64_t where negative. */
static bool number_check(const char *word, size_t len, const char **why)
{
    static const char max_positive[] = "18446744073709551615",
                      max_negative[] = "9223372036854775808";
    bool negative = *word == '-';
    const char *max = negative ? max_negative : max_positive;
    size_t digits = len - negative, max_digits = strlen(max);

    for (size_t i = negative; i < len; i++) {
        if (strchr(".eE+-", word[i]) && word[i])
            return true; /* the tokener knows fractions and exponents well */
        if (!g_ascii_isdigit(word[i])) {
            *why = "letters in a number";
            return false;
        }
    }
    if (digits > 1 && word[negative] == '0')
        *why = "number with a leading zero";
    else if (digits > max_digits ||
             (digits == max_digits && memcmp(word + negative, max, max_digits) > 0))
        *why = "integer out of range";
    else
        return true;
    return false;
}

static bool word_check(const char *word, size_t len, const char **why)
{
    if (*word == '-' || g_ascii_isdigit(*word))
        return number_check(word, len, why);
    if (word_is(word, len, "true") || word_is(word, len, "false") || word_is(word, len, "null"))
        return true;
    *why = "neither a string, a number, true, false nor null";
    return false;
}

/* Looks at the tokens only; that they are in a sensible order is left to the tokener. */
static bool json_check(const char *text, size_t len, const char **why)
{
    for (size_t at = 0; at < len; at++) {
        size_t start = at;

        if (strchr(" \t\r\n{}[],:", text[at]) && text[at])
            continue;
        if (text[at] == '"') {
            at = string_end(text, len, at, why);
            if (at == len)
                return false;
            continue;
        }
        while (at < len && text[at] && !strchr(" \t\r\n{}[],:\"", text[at]))
            at++;
        if (!word_check(text + start, at - start ? at - start : 1, why))
            return false;
        at--;
    }
    return true;
}

struct json_object *json_parse(const char *text, size_t len, const char **ret_why)
{
    struct json_tokener *tokener;
    struct json_object *obj = NULL;
    const char *why = NULL;

    if (len >= INT_MAX) {
        why = "document too large";
    } else if (json_check(text, len, &why)) {
        tokener = json_tokener_new();
        if (!tokener)
            g_error("out of memory"); /* as GLib does everywhere else */
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        obj = json_tokener_parse_ex(tokener, text, (int)len);
        /* A number at the very end is only complete once the tokener has seen that nothing follows.
         */
        if (json_tokener_get_error(tokener) == json_tokener_continue)
            obj = json_tokener_parse_ex(tokener, "", 1);
        if (json_tokener_get_error(tokener) != json_tokener_success)
            why = json_tokener_error_desc(json_tokener_get_error(tokener));
        else if (!obj)
            why = "null is no document";
        json_tokener_free(tokener);
    }
    if (why && ret_why)
        *ret_why = why;
    return obj;
}

static struct json_object *member(struct json_object *obj, const char *key, enum json_type type)
{
    struct json_object *value;

    if (!json_object_is_type(obj, json_type_object) || !json_object_object_get_ex(obj, key, &value))
        return NULL;
    return json_object_is_type(value, type) ? value : NULL;
}

bool json_get_u64(struct json_object *obj, const char *key, uint64_t *ret)
{
    struct json_object *value = member(obj, key, json_type_int);

    if (!value || json_object_get_int64(value) < 0)
        return false;
    *ret = json_object_get_uint64(value);
    return true;
}

bool json_get_i64(struct json_object *obj, const char *key, int64_t *ret)
{
    struct json_object *value = member(obj, key, json_type_int);

    if (!value || json_object_get_uint64(value) > INT64_MAX) /* negative ones come back as 0 */
        return false;
    *ret = json_object_get_int64(value);
    return true;
}

bool json_get_double(struct json_object *obj, const char *key, double *ret)
{
    struct json_object *value = member(obj, key, json_type_double);

    if (!value)
        value = member(obj, key, json_type_int);
    if (!value || !isfinite(json_object_get_double(value)))
        return false;
    *ret = json_object_get_double(value);
    return true;
}

bool json_get_bool(struct json_object *obj, const char *key, bool *ret)
{
    struct json_object *value = member(obj, key, json_type_boolean);

    if (!value)
        return false;
    *ret = json_object_get_boolean(value);
    return true;
}

bool json_get_string(struct json_object *obj, const char *key, const char **ret)
{
    struct json_object *value = member(obj, key, json_type_string);
    const char *text;

    if (!value)
        return false;
    text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value)) /* holds a NUL */
        return false;
    *ret = text;
    return true;
}

struct json_object *json_get_object(struct json_object *obj, const char *key)
{
    return member(obj, key, json_type_object);
}

struct json_object *json_get_array(struct json_object *obj, const char *key)
{
    return member(obj, key, json_type_array);
}

static void put(struct json_object *obj, const char *key, struct json_object *value)
{
    if (json_object_object_add(obj, key, value) != 0)
        g_error("out of memory");
}

void json_put_u64(struct json_object *obj, const char *key, uint64_t value)
{
    put(obj, key, json_object_new_uint64(value));
}

void json_put_double(struct json_object *obj, const char *key, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (!isfinite(value)) {
        json_put_null(obj, key);
        return;
    }
    /* The shortest text that reads back as the same value: 0.1, not 0.10000000000000001. */
    for (int digits = 15; digits <= 17; digits++) {
        char format[8];

        (void)g_snprintf(format, sizeof(format), "%%.%dg", digits);
        g_ascii_formatd(text, sizeof(text), format, value);
        if (!(g_ascii_strtod(text, NULL) < value) && !(g_ascii_strtod(text, NULL) > value))
            break;
    }
    put(obj, key, json_object_new_double_s(value, text));
}

void json_put_bool(struct json_object *obj, const char *key, bool value)
{
    put(obj, key, json_object_new_boolean(value));
}

void json_put_string(struct json_object *obj, const char *key, const char *value)
{
    g_autofree char *valid = value ? g_utf8_make_valid(value, -1) : NULL;

    put(obj, key, valid ? json_object_new_string(valid) : NULL);
}

void json_put_null(struct json_object *obj, const char *key)
{
    put(obj, key, NULL);
}

void json_put_object(struct json_object *obj, const char *key, struct json_object *value)
{
    put(obj, key, value);
}
