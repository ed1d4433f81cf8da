/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/trace_csv.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "scenario/error.h"

#define BLANKS " \t"

/* What spreadsheets write before UTF-8. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static bool check_file(const char *path, GError **error)
{
    GStatBuf st;

    if (g_stat(path, &st) < 0)
        return scenario_fail(error, "%s: %s", path, g_strerror(errno));
    if (!S_ISREG(st.st_mode) || (guint64)st.st_size > TRACE_FILE_MAX)
        return scenario_fail(error, "%s: no trace: a file of at most %u GiB is allowed", path,
                             (unsigned)(TRACE_FILE_MAX >> 30));
    return true;
}

bool trace_csv_open(struct trace_csv *csv, const char *path, GError **error)
{
    g_autoptr(GError) why = NULL;
    gsize length;

    *csv = (struct trace_csv){.path = path};
    if (!check_file(path, error))
        return false;
    if (!g_file_get_contents(path, &csv->text, &length, &why))
        return scenario_fail(error, "%s", why->message);
    if (memchr(csv->text, '\0', length)) {
        g_clear_pointer(&csv->text, g_free);
        return scenario_fail(error, "%s: no trace: it is no text", path);
    }
    csv->at = g_str_has_prefix(csv->text, BYTE_ORDER_MARK) ? csv->text + strlen(BYTE_ORDER_MARK)
                                                           : csv->text;
    return true;
}

void trace_csv_close(struct trace_csv *csv)
{
    g_free(csv->text);
}

bool trace_csv_fail(const struct trace_csv *csv, const char *column, GError **error,
                    const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    return scenario_fail(error, "%s:%u: %s%s%s", csv->path, csv->line, column ? column : "",
                         column ? ": " : "", message);
}

/* A quoted field at @at, in place. Returns what stands behind it; NULL: it does not end. */
static char *cut_quoted(char *at, char **ret_field)
{
    char *to = at + 1, *from = at + 1;

    *ret_field = to;
    for (;; from++) {
        if (*from == '\0' || *from == '\n')
            return NULL;
        if (*from == '"' && from[1] != '"')
            break;
        if (*from == '"')
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return from + 1;
}

/* The field at csv->at. False at the end of the line. */
static bool cut_field(struct trace_csv *csv, char **ret_field, bool *ret_more, GError **error)
{
    char *end;

    csv->at += strspn(csv->at, BLANKS);
    if (*csv->at == '"') {
        end = cut_quoted(csv->at, ret_field);
        if (end)
            end += strspn(end, BLANKS);
        if (!end || !strchr(",\r\n", *end)) /* strchr finds the end of the text, too */
            return trace_csv_fail(csv, NULL, error,
                                  "a quotation mark that begins a field must "
                                  "have one that ends it, in the same line");
    } else {
        *ret_field = csv->at;
        end = csv->at + strcspn(csv->at, ",\n");
    }
    *ret_more = *end == ',';
    csv->at = *end ? end + 1 : end;
    if (*end == '\r' && *csv->at == '\n')
        csv->at++;
    *end = '\0';
    return true;
}

/* Blanks around a field, and the \r of an end of line from elsewhere, are no part of it. */
static bool cut_line(struct trace_csv *csv, GError **error)
{
    bool more = true;
    char *field;

    for (csv->n = 0; more; csv->n++) {
        if (csv->n == TRACE_FIELDS_MAX)
            return trace_csv_fail(csv, NULL, error, "more than %u fields", TRACE_FIELDS_MAX);
        if (!cut_field(csv, &field, &more, error))
            return false;
        csv->fields[csv->n] = g_strstrip(field);
    }
    return true;
}

bool trace_csv_next(struct trace_csv *csv, GError **error)
{
    while (*csv->at) {
        size_t blank = strspn(csv->at, " \t\r");

        csv->line++;
        if (csv->at[blank] != '#' && csv->at[blank] != '\n' && csv->at[blank] != '\0')
            return cut_line(csv, error);
        csv->at += strcspn(csv->at, "\n");
        if (*csv->at)
            csv->at++;
    }
    return false;
}
