/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keytable.h"

#include <string.h>

#include "base/number.h"
#include "base/size.h"

static const char *const type_texts[] = {
    [KEY_SIZE] = "a size, as 512M", [KEY_COUNT] = "a number from 1 to 64",
    [KEY_BOOL] = "yes or no",       [KEY_SECONDS] = "a time, as 20s",
    [KEY_TEXT] = "a text",          [KEY_CHOICE] = "one of its words",
};

static bool parse_count(const char *text, unsigned *ret)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, 1, KEY_COUNT_MAX, &value, NULL))
        return false;
    *ret = (unsigned)value;
    return true;
}

static bool parse_text(const char *text, char **ret)
{
    g_free(*ret);
    *ret = g_strdup(text);
    return text[0] != '\0';
}

static bool parse_value(const struct key_spec *spec, const char *text, void *member)
{
    switch (spec->type) {
    case KEY_SIZE:
        return size_parse(text, member);
    case KEY_COUNT:
        return parse_count(text, member);
    case KEY_BOOL:
        return yes_no_parse(text, member);
    case KEY_SECONDS:
        return seconds_parse(text, member);
    case KEY_TEXT:
        return parse_text(text, member);
    case KEY_CHOICE:
        return word_parse(text, spec->detail, member);
    case KEY_OWN:
        return ((const struct key_own *)spec->detail)->parse(text, member);
    }
    return false;
}

static char *join_choices(const char *const *choices)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (int i = 0; choices[i]; i++)
        g_string_append_printf(all, "%s%s", i > 0 ? ", " : "", choices[i]);
    return g_strdup(all->str);
}

static char *allowed_text(const struct key_spec *spec)
{
    const struct key_own *own = spec->detail;

    if (spec->type == KEY_CHOICE)
        return join_choices(spec->detail);
    return g_strdup(spec->type == KEY_OWN ? own->allowed : type_texts[spec->type]);
}

static const struct key_spec *find_spec(const struct key_spec *specs, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(specs[i].name, key) == 0)
            return &specs[i];
    return NULL;
}

static bool unknown_key(const struct inifile *ini, const char *section, const char *key,
                        const struct key_spec *specs, size_t n, const char *others, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);

    for (size_t i = 0; i < n; i++)
        g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", specs[i].name);
    if (others)
        g_string_append_printf(known, ", %sN", others);
    return inifile_fail(ini, section, key, error, "unknown key; allowed are %s", known->str);
}

bool keytable_read(const struct inifile *ini, const char *section, const struct key_spec *specs,
                   size_t n, const char *others, void *object, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(inifile_keys(ini), section, NULL, NULL);

    for (char **key = keys; key && *key; key++) {
        const struct key_spec *spec = find_spec(specs, n, *key);

        if (!spec && others && g_str_has_prefix(*key, others))
            continue;
        if (!spec)
            return unknown_key(ini, section, *key, specs, n, others, error);

        g_autofree char *text = g_key_file_get_string(inifile_keys(ini), section, *key, NULL);
        g_autofree char *allowed = allowed_text(spec);

        if (!text || !parse_value(spec, text, (char *)object + spec->offset))
            return inifile_fail(ini, section, *key, error, "\"%s\"; allowed is %s",
                                text ? text : "", allowed);
    }
    return true;
}
