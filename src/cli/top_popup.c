/* SPDX-License-Identifier: Apache-2.0 */
/* Windows over the table: help, choice of columns, explanation. Text in a frame that can be
 * scrolled. */
#include "cli/top.h"

#include <string.h>

#define MARGIN      2 /* columns of the table that stay in sight at each side */
#define TOP_ROW     1
#define PADDING     2  /* columns between the frame's edge and the text, the edge included */
#define WIDTH_MIN   8  /* of the text; no window is drawn where there is less room */
#define WRAP_INDENT 14 /* of the second and further parts of a line that is too long */

/*
 * Cuts @line into lines of at most @width columns, between words where that is possible. A part is
 * always longer than the indentation of the next one, so that this ends: @width is at least
 * WIDTH_MIN.
 */
static void wrap(GPtrArray *out, const char *line, size_t width)
{
    size_t indent = MIN(WRAP_INDENT, width / 2);
    g_autofree char *rest = g_strdup(line);

    while (text_width(rest) > width) {
        size_t cut = text_prefix(rest, width);
        const char *space = g_strrstr_len(rest, (gssize)cut + 1, " ");
        char *tail;

        if (space && (size_t)(space - rest) > indent)
            cut = (size_t)(space - rest);
        g_ptr_array_add(out, g_strndup(rest, cut));
        tail = g_strdup_printf("%*s%s", (int)indent, "", g_strchug(rest + cut));
        g_free(rest);
        rest = tail;
    }
    g_ptr_array_add(out, g_steal_pointer(&rest));
}

static void add_line(GPtrArray *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_line(GPtrArray *lines, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(lines, g_strdup_vprintf(format, args));
    va_end(args);
}

static GPtrArray *help_lines(void)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    for (const struct top_key_help *key = TOP_KEYS; key->keys; key++)
        add_line(lines, "%-18s %s", key->keys, key->meaning);
    add_line(lines, "%s", "");
    add_line(lines, "%s", "Columns, and the keys that sort by them:");
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        const struct column *column = &COLUMNS[i];

        add_line(lines, "%-9s %c  %s", column->header, column->sort_key ? column->sort_key : ' ',
                 column->help);
    }
    return lines;
}

static GPtrArray *column_lines(const struct top *top)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        int column = top->settings.order[i];

        add_line(lines, "[%c] %-9s %s", top->settings.shown[column] ? 'x' : ' ',
                 COLUMNS[column].header, COLUMNS[column].help);
    }
    return lines;
}

static GPtrArray *explanation_lines(const struct top *top, size_t width)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    if (!top->popup)
        g_ptr_array_add(lines, g_strdup("waiting for the daemon"));
    for (guint i = 0; top->popup && i < top->popup->len; i++)
        wrap(lines, g_ptr_array_index(top->popup, i), width);
    return lines;
}

static void draw_frame(struct screen *screen, const char *title, int rows, int width)
{
    g_autofree char *line = g_strnfill((gsize)width - 2, '-');
    g_autofree char *edge = g_strconcat("+", line, "+", NULL);
    g_autofree char *fill = g_strnfill((gsize)width - 2, ' ');
    g_autofree char *row = g_strconcat("|", fill, "|", NULL);

    screen_put(screen, TOP_ROW, MARGIN, STYLE_PLAIN, edge);
    for (int i = 1; i < rows - 1; i++)
        screen_put(screen, TOP_ROW + i, MARGIN, STYLE_PLAIN, row);
    screen_put(screen, TOP_ROW + rows - 1, MARGIN, STYLE_PLAIN, edge);
    screen_put(screen, TOP_ROW, MARGIN + PADDING, STYLE_STRONG, title);
}

static GPtrArray *popup_lines(const struct top *top, size_t width, const char **ret_title)
{
    switch (top->mode) {
    case TOP_HELP:
        *ret_title = " Keys and columns (q closes) ";
        return help_lines();
    case TOP_COLUMNS:
        *ret_title = " Columns: Space shows or hides, < and > move, q closes ";
        return column_lines(top);
    case TOP_EXPLAIN:
    case TOP_TABLE:
    case TOP_ASK_DELAY:
    case TOP_ASK_FILTER:
        break;
    }
    *ret_title = " Explanation (q closes) ";
    return explanation_lines(top, width);
}

void top_draw_popup(struct top *top, struct screen *screen)
{
    g_autoptr(GPtrArray) lines = NULL;
    const char *title;
    int rows, columns, height, width;
    size_t page;

    screen_get_size(screen, &rows, &columns);
    width = columns - 2 * MARGIN;
    if (width < WIDTH_MIN + 2 * PADDING || rows < TOP_ROW + 3)
        return;
    lines = popup_lines(top, (size_t)width - 2 * PADDING, &title);
    height = MIN(rows - TOP_ROW, (int)lines->len + 2);
    page = (size_t)height - 2;
    if (top->mode == TOP_COLUMNS && top->popup_cursor < top->popup_first)
        top->popup_first = top->popup_cursor;
    if (top->mode == TOP_COLUMNS && top->popup_cursor >= top->popup_first + page)
        top->popup_first = top->popup_cursor - page + 1;
    top->popup_first = MIN(top->popup_first, lines->len - MIN(lines->len, page));

    draw_frame(screen, title, height, width);
    for (size_t i = 0; i < page && top->popup_first + i < lines->len; i++) {
        size_t line = top->popup_first + i;
        bool selected = top->mode == TOP_COLUMNS && line == top->popup_cursor;
        g_autofree char *text =
            text_fit(g_ptr_array_index(lines, line), (size_t)width - 2 * PADDING, false, ">");

        screen_put(screen, TOP_ROW + 1 + (int)i, MARGIN + PADDING,
                   selected ? STYLE_SELECTED : STYLE_PLAIN, text);
    }
}

/* The column under the cursor changes places with its neighbour. */
static void move_column(struct top *top, int step)
{
    int *order = top->settings.order;
    size_t from = top->popup_cursor;
    size_t to = from + (size_t)step;
    int column = order[from];

    if (to >= COLUMN_COUNT_ALL) /* also where 0 became "-1" */
        return;
    order[from] = order[to];
    order[to] = column;
    top->popup_cursor = to;
}

static void toggle_column(struct top *top)
{
    int column = top->settings.order[top->popup_cursor];
    int shown[COLUMNS_MAX];

    /* The last one stays: a table without columns tells nothing. */
    if (top->settings.shown[column] && top_settings_shown(&top->settings, shown) == 1)
        return;
    top->settings.shown[column] = !top->settings.shown[column];
}

static void move_window(struct top *top, int lines)
{
    size_t *at = top->mode == TOP_COLUMNS ? &top->popup_cursor : &top->popup_first;
    long max = top->mode == TOP_COLUMNS ? (long)COLUMN_COUNT_ALL - 1 : G_MAXINT;

    *at = (size_t)CLAMP((long)*at + lines, 0, max);
}

void top_key_popup(struct top *top, int key)
{
    bool columns = top->mode == TOP_COLUMNS;

    switch (key) {
    case 'q':
    case SCREEN_KEY_ESCAPE:
    case SCREEN_KEY_ENTER:
        top->mode = TOP_TABLE;
        break;
    case SCREEN_KEY_UP:
        move_window(top, -1);
        break;
    case SCREEN_KEY_DOWN:
        move_window(top, 1);
        break;
    case SCREEN_KEY_PAGE_UP:
        move_window(top, -(int)top->page);
        break;
    case SCREEN_KEY_PAGE_DOWN:
        move_window(top, (int)top->page);
        break;
    case '<':
    case SCREEN_KEY_LEFT:
        if (columns)
            move_column(top, -1);
        break;
    case '>':
    case SCREEN_KEY_RIGHT:
        if (columns)
            move_column(top, 1);
        break;
    case ' ':
        if (columns)
            toggle_column(top);
        break;
    default:
        break;
    }
}
