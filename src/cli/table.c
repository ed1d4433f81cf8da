/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "cli/text.h"

#define COLUMN_GAP     2
#define CELL_WIDTH_MAX 48 /* one endless name must not push all figures out of sight */

struct table {
    const struct table_column *columns;
    size_t count;
    size_t *widths;
    GPtrArray *cells; /* char *, row by row */
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = g_new0(struct table, 1);

    g_assert(count > 0);
    table->columns = columns;
    table->count = count;
    table->widths = g_new0(size_t, count);
    table->cells = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < count; i++)
        table->widths[i] = text_width(columns[i].header);
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->cells);
    g_free(table->widths);
    g_free(table);
}

void table_add(struct table *table, const char *cell)
{
    size_t column = table->cells->len % table->count;
    char *clean = text_clean(cell, false);

    table->widths[column] = MAX(table->widths[column], MIN(text_width(clean), CELL_WIDTH_MAX));
    g_ptr_array_add(table->cells, clean);
}

static void append_cell(const struct table *table, GString *line, size_t column, const char *text)
{
    g_autofree char *cell =
        text_fit(text, table->widths[column], table->columns[column].right, ELLIPSIS);

    if (column > 0)
        g_string_append_printf(line, "%*s", COLUMN_GAP, "");
    g_string_append(line, cell);
    if (column + 1 == table->count) {
        while (line->len > 0 && line->str[line->len - 1] == ' ')
            g_string_truncate(line, line->len - 1);
        g_string_append_c(line, '\n');
    }
}

void table_append_to(const struct table *table, GString *out)
{
    g_autoptr(GString) line = g_string_new(NULL);

    for (size_t i = 0; i < table->count; i++)
        append_cell(table, line, i, table->columns[i].header);
    g_string_append(out, line->str);
    for (guint i = 0; i + table->count <= table->cells->len; i += (guint)table->count) {
        g_string_truncate(line, 0);
        for (guint c = 0; c < table->count; c++)
            append_cell(table, line, c, g_ptr_array_index(table->cells, i + c));
        g_string_append(out, line->str);
    }
}
