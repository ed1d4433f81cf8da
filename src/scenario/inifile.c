/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/inifile.h"

#include <string.h>

#include "scenario/error.h"

struct inifile {
    char *path;
    GKeyFile *keys;
    GHashTable *lines; /* "section\nkey" or "section\n" -> line number */
};

static char *line_key(const char *section, const char *key)
{
    return g_strdup_printf("%s\n%s", section, key ? key : "");
}

static bool remember(struct inifile *ini, const char *section, const char *key, unsigned line,
                     GError **error)
{
    char *name = line_key(section, key);
    unsigned before = GPOINTER_TO_UINT(g_hash_table_lookup(ini->lines, name));

    if (before == 0) {
        g_hash_table_insert(ini->lines, name, GUINT_TO_POINTER(line));
        return true;
    }
    g_free(name);
    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID,
                "%s:%u: [%s]%s%s: it stands in line %u already; once is allowed", ini->path, line,
                section, key ? " " : "", key ? key : "", before);
    return false;
}

/* Notes where everything stands. What is no line of a key file is left to GLib to refuse. */
static bool index_lines(struct inifile *ini, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *section = g_strdup("");

    for (unsigned i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        size_t len = strlen(line);
        char *equals = strchr(line, '=');

        if (line[0] == '#' || len == 0)
            continue;
        if (line[0] == '[' && line[len - 1] == ']') {
            g_free(section);
            section = g_strndup(line + 1, len - 2);
            if (!remember(ini, section, NULL, i + 1, error))
                return false;
        } else if (equals) {
            *equals = '\0';
            if (!remember(ini, section, g_strchomp(line), i + 1, error))
                return false;
        }
    }
    return true;
}

static bool read_text(const char *path, char **ret_text, gsize *ret_len, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *text = NULL;
    gsize len;

    if (!g_file_get_contents(path, &text, &len, &why)) {
        g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID, why->message);
        return false;
    }
    if (len > INIFILE_SIZE_MAX || memchr(text, '\0', len)) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID,
                    "%s: no scenario: a text file of at most %u KiB is allowed", path,
                    INIFILE_SIZE_MAX >> 10);
        return false;
    }
    *ret_text = g_steal_pointer(&text);
    *ret_len = len;
    return true;
}

struct inifile *inifile_load(const char *path, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *text = NULL;
    gsize len;

    if (!read_text(path, &text, &len, error))
        return NULL;

    struct inifile *ini = g_new0(struct inifile, 1);

    ini->path = g_strdup(path);
    ini->keys = g_key_file_new();
    ini->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!g_key_file_load_from_data(ini->keys, text, len, G_KEY_FILE_NONE, &why))
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID, "%s: %s", path, why->message);
    else if (index_lines(ini, text, error))
        return ini;
    inifile_free(ini);
    return NULL;
}

void inifile_free(struct inifile *ini)
{
    g_free(ini->path);
    g_key_file_free(ini->keys);
    g_hash_table_unref(ini->lines);
    g_free(ini);
}

GKeyFile *inifile_keys(const struct inifile *ini)
{
    return ini->keys;
}

bool inifile_fail(const struct inifile *ini, const char *section, const char *key, GError **error,
                  const char *format, ...)
{
    g_autofree char *name = line_key(section, key);
    unsigned line = GPOINTER_TO_UINT(g_hash_table_lookup(ini->lines, name));
    g_autofree char *place = line > 0 ? g_strdup_printf(":%u", line) : g_strdup("");
    va_list args;

    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID, "%s%s: [%s]%s%s: %s", ini->path,
                place, section, key ? " " : "", key ? key : "", message);
    return false;
}
