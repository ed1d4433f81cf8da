/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From above: a title, the host in up to SUMMARY_LINES lines, a line for questions and messages,
 * and the table. The name stays at the left; the other columns are shifted under it where the
 * screen is too narrow.
 */
#include "cli/top.h"

#include <string.h>

#include "cli/summary.h"

#define COLUMN_GAP  1
#define SUMMARY_MIN 3 /* lines of the host that a low screen has too */

/* Parts of a processor's time lost from which a guest's line is coloured. */
#define LOST_NOTICE 0.05
#define LOST_BAD    0.25

/* Where everything stands on a screen of this height: the guests get half of it at least. */
struct layout {
    unsigned summary; /* lines about the host */
    int message, header, first;
};

static struct layout lay_out(struct screen *screen)
{
    struct layout l;
    int rows, width;

    screen_get_size(screen, &rows, &width);
    l.summary = (unsigned)CLAMP((rows - 3) / 2, SUMMARY_MIN, SUMMARY_LINES);
    l.message = 1 + (int)l.summary;
    l.header = l.message + 1;
    l.first = l.header + 1;
    return l;
}

static enum style state_style(const char *state)
{
    static const struct {
        const char *name;
        enum style style;
    } styles[] = {{"high", STYLE_GOOD},
                  {"clear", STYLE_NOTICE},
                  {"soft", STYLE_NOTICE},
                  {"hard", STYLE_BAD},
                  {"low", STYLE_BAD}};

    for (size_t i = 0; state && i < G_N_ELEMENTS(styles); i++) {
        if (strcmp(styles[i].name, state) == 0)
            return styles[i].style;
    }
    return STYLE_PLAIN;
}

static void draw_title(struct top *top, struct screen *screen)
{
    g_autoptr(GString) title = g_string_new("aerostat top");

    if (top->sample) {
        char time[TEXT_FIGURE_MAX];

        g_string_append_printf(title, "   %s", text_time(top->sample->time, time));
    }
    g_string_append_printf(title, "   view %s   every %g s   by %s%s", VIEW_TABLE[top->view].name,
                           top->settings.delay, COLUMNS[top->settings.sort].header,
                           top->settings.reverse ? " (reversed)" : "");
    if (top->filter) {
        g_autofree char *clean = text_clean(top->filter, top->ascii);

        g_string_append_printf(title, "   only *%s*", clean);
    }
    if (top->paused)
        g_string_append(title, "   PAUSED");
    screen_put(screen, 0, 0, STYLE_STRONG, title->str);
}

/* The host's state is the second word of the first line: drawn again in its colour. */
static void draw_summary(const struct top *top, struct screen *screen, unsigned lines)
{
    static const char label[] = "state ";
    g_autofree char *state = text_clean(text_or_dash(top->sample->host.state), top->ascii);

    for (unsigned i = 0; i < lines; i++) {
        g_autofree char *line = summary_line(&top->sample->host, i, top->ascii);

        screen_put(screen, 1 + (int)i, 0, STYLE_PLAIN, line);
    }
    screen_put(screen, 1, (int)strlen(label), state_style(state), state);
}

static void draw_message(const struct top *top, struct screen *screen, int row)
{
    g_autofree char *question = NULL, *typed = text_clean(top->input->str, top->ascii);

    if (top->mode == TOP_ASK_DELAY)
        question = g_strdup_printf("delay in seconds: %s_", typed);
    else if (top->mode == TOP_ASK_FILTER)
        question = g_strdup_printf("only names with: %s_", typed);

    if (question)
        screen_put(screen, row, 0, STYLE_STRONG, question);
    else if (top->notice)
        screen_put(screen, row, 0, STYLE_STRONG, top->notice);
    else if (top->trouble)
        screen_put(screen, row, 0, STYLE_BAD, top->trouble);
    else if (!top->sample)
        screen_put(screen, row, 0, STYLE_PLAIN, "waiting for the daemon");
}

/* What is shown on this screen: the name, and the others from the first column on. */
static size_t visible_columns(struct top *top, int ret_columns[static COLUMNS_MAX])
{
    size_t count = top_columns(top, ret_columns);
    size_t keep = count > 0 && ret_columns[0] == 0 ? 1 : 0;
    size_t skip = MIN(top->first_column, count - MIN(count, keep + 1));

    top->first_column = skip;
    memmove(ret_columns + keep, ret_columns + keep + skip,
            (count - keep - skip) * sizeof(*ret_columns));
    return count - skip;
}

static void draw_header(const struct top *top, struct screen *screen, int row, const int *columns,
                        size_t count)
{
    int at = 0, rows, width;
    g_autofree char *blank = NULL;

    screen_get_size(screen, &rows, &width);
    blank = g_strnfill((gsize)MAX(width, 0), ' ');
    screen_put(screen, row, 0, STYLE_HEADER, blank);
    for (size_t i = 0; i < count; i++) {
        const struct column *column = &COLUMNS[columns[i]];
        g_autofree char *cell =
            text_fit(column->header, (size_t)column->width, !column_is_text(column), "");
        bool sorted = columns[i] == top->settings.sort;

        screen_put(screen, row, at, sorted ? STYLE_SORTED : STYLE_HEADER, cell);
        at += column->width + COLUMN_GAP;
    }
}

/* Time lost is what a guest feels; distress is what it shows before. */
static enum style row_style(const struct top *top, const struct guest_info *guest, size_t row)
{
    if (row == top->cursor)
        return STYLE_SELECTED;
    if (g_strcmp0(guest->pager.state, "stopped") == 0 || g_strcmp0(guest->pager.state, "held") == 0)
        return STYLE_BAD;
    if (guest->lost.part >= LOST_BAD)
        return STYLE_BAD;
    if (guest->lost.part >= LOST_NOTICE || *guest->distress)
        return STYLE_NOTICE;
    return STYLE_PLAIN;
}

static char *row_text(const struct top *top, const struct guest_info *guest, const int *columns,
                      size_t count)
{
    GString *line = g_string_new(NULL);
    const char *ellipsis = top->ascii ? "~" : ELLIPSIS;

    for (size_t i = 0; i < count; i++) {
        const struct column *column = &COLUMNS[columns[i]];
        g_autofree char *text = column_text(column, guest, top->ascii);
        g_autofree char *cell =
            text_fit(text, (size_t)column->width, !column_is_text(column), ellipsis);

        g_string_append_printf(line, "%s%*s", cell, COLUMN_GAP, "");
    }
    return g_string_free(line, FALSE);
}

static void draw_rows(struct top *top, struct screen *screen, int first, const int *columns,
                      size_t count)
{
    int rows, width;

    screen_get_size(screen, &rows, &width);
    top->page = (size_t)MAX(rows - first, 1);
    if (top->cursor < top->first_row)
        top->first_row = top->cursor;
    if (top->cursor >= top->first_row + top->page)
        top->first_row = top->cursor - top->page + 1;
    if (top->first_row + top->page > top->rows->len)
        top->first_row = top->rows->len > top->page ? top->rows->len - top->page : 0;

    for (size_t i = 0; i < top->page && top->first_row + i < top->rows->len; i++) {
        size_t row = top->first_row + i;
        const struct guest_info *guest =
            &top->sample->guests[g_array_index(top->rows, uint32_t, row)];
        g_autofree char *text = row_text(top, guest, columns, count);

        screen_put(screen, first + (int)i, 0, row_style(top, guest, row), text);
    }
    if (top->rows->len == 0)
        screen_put(screen, first, 0, STYLE_PLAIN,
                   top->filter ? "no guest has such a name" : "no guests");
}

void top_draw(struct top *top, struct screen *screen)
{
    int columns[COLUMNS_MAX];
    size_t count = visible_columns(top, columns);
    struct layout l = lay_out(screen);

    screen_erase(screen);
    draw_title(top, screen);
    draw_message(top, screen, l.message);
    draw_header(top, screen, l.header, columns, count);
    if (top->sample) {
        draw_summary(top, screen, l.summary);
        draw_rows(top, screen, l.first, columns, count);
    }
    if (top->mode == TOP_HELP || top->mode == TOP_COLUMNS || top->mode == TOP_EXPLAIN)
        top_draw_popup(top, screen);
    screen_show(screen);
}
