/* SPDX-License-Identifier: Apache-2.0 */
#include "grid.h"

#include <glib.h>

#include "cli/text.h"

/* A cell is a character with what combines with it; the right half of a wide one is "". */
struct grid {
    struct screen screen;
    int rows, columns;
    char **cells;
    enum style *styles;
};

static void get_size(struct screen *screen, int *ret_rows, int *ret_columns)
{
    struct grid *grid = (struct grid *)screen;

    *ret_rows = grid->rows;
    *ret_columns = grid->columns;
}

static void set_cell(struct grid *grid, int row, int column, enum style style, char *text)
{
    int at = row * grid->columns + column;

    g_assert_true(row >= 0 && row < grid->rows && column >= 0 && column < grid->columns);
    g_free(grid->cells[at]);
    grid->cells[at] = text;
    grid->styles[at] = style;
}

static void erase(struct screen *screen)
{
    struct grid *grid = (struct grid *)screen;

    for (int row = 0; row < grid->rows; row++) {
        for (int column = 0; column < grid->columns; column++)
            set_cell(grid, row, column, STYLE_PLAIN, g_strdup(" "));
    }
}

static void put(struct screen *screen, int row, int column, enum style style, const char *text)
{
    struct grid *grid = (struct grid *)screen;

    while (*text) {
        const char *end = text_next(text);
        g_autofree char *cell = NULL;
        size_t width;

        while (*end && g_unichar_iszerowidth(g_utf8_get_char(end)))
            end = text_next(end);
        cell = g_strndup(text, (gsize)(end - text));
        width = text_width(cell);
        set_cell(grid, row, column++, style, g_strdup(cell));
        if (width == 2)
            set_cell(grid, row, column++, style, g_strdup(""));
        text = end;
    }
}

static void show(struct screen *screen G_GNUC_UNUSED)
{
}

static void free_cells(struct grid *grid)
{
    for (int i = 0; i < grid->rows * grid->columns; i++)
        g_free(grid->cells[i]);
    g_free(grid->cells);
    g_free(grid->styles);
}

static void grid_free(struct screen *screen)
{
    free_cells((struct grid *)screen);
    g_free(screen);
}

void grid_resize(struct screen *screen, int rows, int columns)
{
    struct grid *grid = (struct grid *)screen;

    free_cells(grid);
    grid->rows = rows;
    grid->columns = columns;
    grid->cells = g_new0(char *, rows *columns);
    grid->styles = g_new0(enum style, rows * columns);
    erase(screen);
}

struct screen *grid_new(int rows, int columns)
{
    static const struct screen_ops ops = {
        .get_size = get_size, .erase = erase, .put = put, .show = show, .free = grid_free};
    struct grid *grid = g_new0(struct grid, 1);

    grid->screen.ops = &ops;
    grid_resize(&grid->screen, rows, columns);
    return &grid->screen;
}

char *grid_text(struct screen *screen)
{
    struct grid *grid = (struct grid *)screen;
    GString *out = g_string_new(NULL);

    for (int row = 0; row < grid->rows; row++) {
        g_autoptr(GString) line = g_string_new(NULL);

        for (int column = 0; column < grid->columns; column++)
            g_string_append(line, grid->cells[row * grid->columns + column]);
        g_string_append_printf(out, "%s\n", g_strchomp(line->str));
    }
    return g_string_free(out, FALSE);
}

enum style grid_style(struct screen *screen, int row, int column)
{
    struct grid *grid = (struct grid *)screen;

    return grid->styles[row * grid->columns + column];
}
