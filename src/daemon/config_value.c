/* SPDX-License-Identifier: Apache-2.0 */
/* One value of the configuration: from text, to text, and what is allowed, by the type of its row.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"
#include "daemon/config_table.h"

#define CONFIG_PATHS_MAX 1024

static void *member(const struct config_key *key, struct config *config)
{
    return (char *)config + key->offset;
}

static char *format_size(uint64_t bytes)
{
    static const char units[] = "TGMK";

    for (unsigned i = 0; bytes && i < 4; i++) {
        unsigned shift = 40 - 10 * i;

        if (bytes % (UINT64_C(1) << shift) == 0)
            return g_strdup_printf("%" G_GUINT64_FORMAT "%c", bytes >> shift, units[i]);
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}

static char *format_duration(usec_t usec)
{
    if (usec && usec % (60 * USEC_PER_SEC) == 0)
        return g_strdup_printf("%" G_GUINT64_FORMAT "min", usec / (60 * USEC_PER_SEC));
    if (usec % USEC_PER_SEC == 0)
        return g_strdup_printf("%" G_GUINT64_FORMAT "s", usec / USEC_PER_SEC);
    return g_strdup_printf("%gms", (double)usec / (double)USEC_PER_MSEC);
}

static char *format_ratio(double ratio)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    return g_strdup(g_ascii_formatd(text, sizeof(text), "%g", ratio));
}

static char *allowed_range(const struct config_key *key, const char *what,
                           char *(*format)(uint64_t value))
{
    g_autofree char *min = format((uint64_t)key->min);
    g_autofree char *max = format((uint64_t)key->max);

    return g_strdup_printf("%s from %s to %s%s%s", what, min, max, key->word ? ", or " : "",
                           key->word ? key->word : "");
}

static char *format_count(uint64_t count)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, count);
}

static char *allowed_choices(const struct config_key *key)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; key->choices[i]; i++) {
        if (*key->choices[i])
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", key->choices[i]);
    }
    return g_string_free(text, FALSE);
}

char *config_value_allowed(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return g_strdup("yes, no, true, false");
    case CONFIG_CHOICE:
        return allowed_choices(key);
    case CONFIG_COUNT:
        return allowed_range(key, "whole numbers", format_count);
    case CONFIG_SIZE:
        return allowed_range(key, "sizes", format_size);
    case CONFIG_DURATION:
        return allowed_range(key, "times", format_duration);
    case CONFIG_RATIO:
        return g_strdup_printf("numbers from %g to %g", key->min, key->max);
    case CONFIG_ACCESS:
        return g_strdup("permission bits in octal from 0600 to 0777");
    case CONFIG_TEXT:
        return g_strdup("any text");
    case CONFIG_PATH:
        return g_strdup("an absolute path");
    case CONFIG_PATHS:
        return g_strdup_printf("at most %d absolute paths, separated by ';'", CONFIG_PATHS_MAX);
    case CONFIG_TYPE_MAX:
        break;
    }
    g_assert_not_reached();
}

static bool parse_bool(const char *text, bool *ret)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0)
        return false;
    *ret = yes;
    return true;
}

static bool parse_choice(const struct config_key *key, const char *text, unsigned *ret)
{
    for (unsigned i = 0; key->choices[i]; i++) {
        if (*text && strcmp(text, key->choices[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Sizes, times and counts: all of them whole numbers in a range. */
static bool parse_whole(const struct config_key *key, const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    bool ok;

    if (key->word && strcmp(text, key->word) == 0) {
        *ret = key->word_value;
        return true;
    }
    if (key->type == CONFIG_SIZE)
        ok = size_parse(text, &value);
    else if (key->type == CONFIG_DURATION)
        ok = duration_parse(text, &value);
    else
        ok = g_ascii_string_to_unsigned(text, 10, 0, UINT64_MAX, &value, NULL);
    if (!ok || (double)value < key->min || (double)value > key->max)
        return false;
    *ret = value;
    return true;
}

static bool parse_ratio(const struct config_key *key, const char *text, double *ret)
{
    return number_parse(text, key->min, key->max, ret);
}

static bool parse_access(const char *text, unsigned *ret)
{
    guint64 bits;

    if (!g_ascii_string_to_unsigned(text, 8, 0600, 0777, &bits, NULL) || (bits & 0600) != 0600)
        return false;
    *ret = (unsigned)bits;
    return true;
}

static void set_text(char **text, const char *value)
{
    g_free(*text);
    *text = *value ? g_strdup(value) : NULL;
}

static bool parse_path(const char *text, char **ret)
{
    if (*text && *text != '/')
        return false;
    set_text(ret, text);
    return true;
}

static bool parse_paths(const char *text, char ***ret)
{
    g_auto(GStrv) words = g_strsplit(text, ";", -1);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    for (char **word = words; *word; word++) {
        const char *path = g_strstrip(*word);

        if (*path == '\0')
            continue;
        if (*path != '/' || paths->len == CONFIG_PATHS_MAX)
            return false;
        g_ptr_array_add(paths, g_strdup(path));
    }
    g_strfreev(*ret);
    *ret = NULL;
    if (paths->len) {
        g_ptr_array_add(paths, NULL);
        *ret = (char **)g_ptr_array_steal(paths, NULL);
    }
    return true;
}

static bool parse(const struct config_key *key, const char *text, void *ret)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return parse_bool(text, ret);
    case CONFIG_CHOICE:
        return parse_choice(key, text, ret);
    case CONFIG_COUNT:
    case CONFIG_SIZE:
    case CONFIG_DURATION:
        return parse_whole(key, text, ret);
    case CONFIG_RATIO:
        return parse_ratio(key, text, ret);
    case CONFIG_ACCESS:
        return parse_access(text, ret);
    case CONFIG_TEXT:
        set_text(ret, text);
        return true;
    case CONFIG_PATH:
        return parse_path(text, ret);
    case CONFIG_PATHS:
        return parse_paths(text, ret);
    case CONFIG_TYPE_MAX:
        break;
    }
    g_assert_not_reached();
}

bool config_value_parse(const struct config_key *key, const char *text, struct config *config,
                        GError **error)
{
    g_autofree char *allowed = NULL;

    if (parse(key, text, member(key, config)))
        return true;
    allowed = config_value_allowed(key);
    g_set_error(error, CONFIG_ERROR, 0, "%s = %.*s is not allowed; allowed: %s", key->name,
                CONFIG_ECHO_MAX, text, allowed);
    return false;
}

char *config_value_format(const struct config_key *key, const struct config *config)
{
    const void *value = (const char *)config + key->offset;

    switch (key->type) {
    case CONFIG_BOOL:
        return g_strdup(*(const bool *)value ? "yes" : "no");
    case CONFIG_CHOICE:
        return g_strdup(key->choices[*(const unsigned *)value]);
    case CONFIG_COUNT:
        return format_count(*(const uint64_t *)value);
    case CONFIG_SIZE:
        if (key->word && *(const uint64_t *)value == key->word_value)
            return g_strdup(key->word);
        return format_size(*(const uint64_t *)value);
    case CONFIG_DURATION:
        return format_duration(*(const usec_t *)value);
    case CONFIG_RATIO:
        return format_ratio(*(const double *)value);
    case CONFIG_ACCESS:
        return g_strdup_printf("%04o", *(const unsigned *)value);
    case CONFIG_TEXT:
    case CONFIG_PATH:
        return g_strdup(*(char *const *)value ? *(char *const *)value : "");
    case CONFIG_PATHS:
        return *(char **const *)value ? g_strjoinv(";", *(char **const *)value) : g_strdup("");
    case CONFIG_TYPE_MAX:
        break;
    }
    g_assert_not_reached();
}
