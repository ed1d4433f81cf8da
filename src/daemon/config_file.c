/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config_file.h"

#include <stdarg.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

GQuark config_error_quark(void)
{
    return g_quark_from_static_string("aerostat-config-error");
}

/* Where the reader is. */
struct reader {
    const char *file;
    unsigned line;
    char *section, *label; /* owned; NULL before the first section */
    GHashTable *seen;      /* "section\nlabel\nkey" -> line, to find what stands twice */
    GPtrArray *entries;
};

static void entry_free(void *data)
{
    struct config_entry *entry = data;

    g_free(entry->file);
    g_free(entry->section);
    g_free(entry->label);
    g_free(entry->key);
    g_free(entry->value);
    g_free(entry);
}

GPtrArray *config_entries_new(void)
{
    return g_ptr_array_new_with_free_func(entry_free);
}

void config_entry_error(const struct config_entry *entry, GError **error, const char *format, ...)
{
    g_autofree char *message = NULL, *valid = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    valid = g_utf8_make_valid(message, -1); /* a word may have been cut within a character */
    g_set_error(error, CONFIG_ERROR, 0, "%s:%u: %s", entry->file, entry->line, valid);
}

static bool fail(const struct reader *r, GError **error, const char *what)
{
    g_set_error(error, CONFIG_ERROR, 0, "%s:%u: %s", r->file, r->line, what);
    return false;
}

static void add(struct reader *r, const char *key, const char *value)
{
    struct config_entry *entry = g_new(struct config_entry, 1);

    *entry = (struct config_entry){
        .file = g_strdup(r->file),
        .line = r->line,
        .section = g_strdup(r->section),
        .label = g_strdup(r->label),
        .key = g_strdup(key),
        .value = g_strdup(value),
    };
    g_ptr_array_add(r->entries, entry);
}

/* [section] or [section "label"]; a label may hold anything, even quotes. @line is stripped. */
static bool read_section(struct reader *r, char *line, GError **error)
{
    size_t length = strlen(line);
    char *label;

    if (line[length - 1] != ']')
        return fail(r, error, "the section's ']' is missing; write [section] or [vm \"name\"]");
    line[length - 1] = '\0';
    line++;
    label = strpbrk(line, " \t");
    if (label) {
        *label++ = '\0';
        label = g_strstrip(label);
        length = strlen(label);
        if (length < 3 || label[0] != '"' || label[length - 1] != '"')
            return fail(r, error,
                        "after the section's word a name in quotes is expected: [vm \"name\"]");
        label[length - 1] = '\0';
        label++;
    }
    g_free(r->section);
    g_free(r->label);
    r->section = g_strdup(line);
    r->label = g_strdup(label);
    add(r, NULL, NULL);
    return true;
}

static bool read_key(struct reader *r, char *line, GError **error)
{
    g_autofree char *place = NULL;
    char *equals = strchr(line, '=');
    unsigned before;

    if (!equals)
        return fail(r, error, "this is neither a [section], 'key = value' nor a # comment");
    if (!r->section)
        return fail(r, error,
                    "a key before the first [section]; write the section it belongs to above");
    *equals = '\0';
    line = g_strstrip(line);
    if (*line == '\0')
        return fail(r, error, "there is no key before the '='; write 'key = value'");
    place = g_strdup_printf("%s\n%s\n%s", r->section, r->label ? r->label : "", line);
    before = GPOINTER_TO_UINT(g_hash_table_lookup(r->seen, place));
    if (before) {
        g_autofree char *what =
            g_strdup_printf("%.64s is already set in line %u; remove one of the two", line, before);

        return fail(r, error, what);
    }
    g_hash_table_insert(r->seen, g_steal_pointer(&place), GUINT_TO_POINTER(r->line));
    add(r, line, g_strstrip(equals + 1));
    return true;
}

static bool read_line(struct reader *r, char *line, GError **error)
{
    if (!g_utf8_validate(line, -1, NULL))
        return fail(r, error, "not UTF-8; save the file as UTF-8");
    line = g_strstrip(line);
    if (*line == '\0' || *line == '#' || *line == ';')
        return true;
    return *line == '[' ? read_section(r, line, error) : read_key(r, line, error);
}

bool config_file_read(const char *path, GPtrArray *entries, GError **error)
{
    struct reader r = {.file = path, .entries = entries};
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = NULL;
    char *begin;
    gsize length;
    bool ok = true;

    if (!g_file_get_contents(path, &text, &length, &cause)) {
        g_set_error(error, CONFIG_ERROR, 0, "%s", cause->message);
        return false;
    }
    if (length > CONFIG_FILE_MAX) {
        g_set_error(error, CONFIG_ERROR, 0,
                    "%s: larger than %u bytes; is this a configuration file?", path,
                    CONFIG_FILE_MAX);
        return false;
    }
    begin = text;
    if (g_str_has_prefix(text, BYTE_ORDER_MARK)) /* some editors begin UTF-8 with it */
        begin = text + strlen(BYTE_ORDER_MARK);
    r.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char *line = begin, *next; ok && line < text + length; line = next) {
        char *end = memchr(line, '\n', (size_t)(text + length - line));

        next = end ? end + 1 : text + length;
        r.line++;
        if (end)
            *end = '\0';
        if (memchr(line, '\0', (size_t)((end ? end : text + length) - line)))
            ok = fail(&r, error, "a NUL byte; is this a configuration file?");
        else
            ok = read_line(&r, line, error);
    }
    g_hash_table_unref(r.seen);
    g_free(r.section);
    g_free(r.label);
    return ok;
}
