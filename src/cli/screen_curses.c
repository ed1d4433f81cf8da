/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/screen.h"

#include <curses.h>
#include <glib.h>
#include <unistd.h>
#include <wchar.h>

#define ESCAPE_DELAY_MSEC 25 /* to tell the Escape key from the beginning of another's code */

struct curses_screen {
    struct screen screen;
    SCREEN *term;
    attr_t attributes[STYLE_MAX];
};

static void get_size(struct screen *screen G_GNUC_UNUSED, int *ret_rows, int *ret_columns)
{
    getmaxyx(stdscr, *ret_rows, *ret_columns);
}

static void erase_all(struct screen *screen G_GNUC_UNUSED)
{
    erase();
}

static void put(struct screen *screen, int row, int column, enum style style, const char *text)
{
    struct curses_screen *self = (struct curses_screen *)screen;

    attrset((int)self->attributes[style]);
    mvaddstr(row, column, text);
    attrset(A_NORMAL);
}

static void show(struct screen *screen G_GNUC_UNUSED)
{
    refresh();
}

static void end(struct screen *screen)
{
    struct curses_screen *self = (struct curses_screen *)screen;

    endwin();
    delscreen(self->term);
    g_free(self);
}

static const struct screen_ops CURSES_OPS = {
    .get_size = get_size, .erase = erase_all, .put = put, .show = show, .free = end};

/* What can be told without colours is bold or reversed; colours come on top. */
static void set_attributes(struct curses_screen *self, bool color)
{
    static const short foreground[STYLE_MAX] = {
        [STYLE_GOOD] = COLOR_GREEN, [STYLE_NOTICE] = COLOR_YELLOW, [STYLE_BAD] = COLOR_RED};
    attr_t *attributes = self->attributes;

    attributes[STYLE_STRONG] = A_BOLD;
    attributes[STYLE_HEADER] = A_REVERSE;
    attributes[STYLE_SORTED] = A_REVERSE | A_BOLD | A_UNDERLINE;
    attributes[STYLE_SELECTED] = A_REVERSE;
    attributes[STYLE_NOTICE] = A_BOLD;
    attributes[STYLE_BAD] = A_BOLD | A_REVERSE;
    if (!color || !has_colors())
        return;
    start_color();
    use_default_colors();
    for (int style = 0; style < STYLE_MAX; style++) {
        if (foreground[style] == 0)
            continue;
        init_pair((short)style, foreground[style], -1);
        attributes[style] |= (attr_t)COLOR_PAIR(style);
    }
}

struct screen *screen_curses_new(bool color)
{
    struct curses_screen *self;
    SCREEN *term;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return NULL;
    term = newterm(NULL, stdout, stdin);
    if (!term)
        return NULL;
    self = g_new0(struct curses_screen, 1);
    self->screen.ops = &CURSES_OPS;
    self->term = term;
    set_escdelay(ESCAPE_DELAY_MSEC);
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    set_attributes(self, color);
    return &self->screen;
}

static int special_key(wint_t key)
{
    switch (key) {
    case KEY_UP:
        return SCREEN_KEY_UP;
    case KEY_DOWN:
        return SCREEN_KEY_DOWN;
    case KEY_LEFT:
        return SCREEN_KEY_LEFT;
    case KEY_RIGHT:
        return SCREEN_KEY_RIGHT;
    case KEY_PPAGE:
        return SCREEN_KEY_PAGE_UP;
    case KEY_NPAGE:
        return SCREEN_KEY_PAGE_DOWN;
    case KEY_HOME:
        return SCREEN_KEY_HOME;
    case KEY_END:
        return SCREEN_KEY_END;
    case KEY_ENTER:
        return SCREEN_KEY_ENTER;
    case KEY_BACKSPACE:
        return SCREEN_KEY_BACKSPACE;
    case KEY_RESIZE:
        return SCREEN_KEY_RESIZED;
    default:
        return SCREEN_KEY_OTHER;
    }
}

int screen_curses_key(struct screen *screen G_GNUC_UNUSED)
{
    wint_t key = 0;

    switch (get_wch(&key)) {
    case KEY_CODE_YES:
        return special_key(key);
    case OK:
        if (key == '\r')
            return SCREEN_KEY_ENTER;
        if (key == '\b')
            return SCREEN_KEY_BACKSPACE;
        return key == 0 ? SCREEN_KEY_OTHER : (int)key;
    default:
        return SCREEN_KEY_NONE;
    }
}

void screen_curses_redraw(struct screen *screen G_GNUC_UNUSED)
{
    clearok(stdscr, TRUE);
}
