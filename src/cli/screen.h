/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grid of characters to draw on: a terminal (screen_curses.c), or memory in the tests. Texts
 * given to it are clean (text.h); what lies outside of the grid is not drawn.
 */
#pragma once

#include <stdbool.h>

enum style {
    STYLE_PLAIN,
    STYLE_STRONG,
    STYLE_HEADER,   /* the line above a table */
    STYLE_SORTED,   /* the header of the column that it is sorted by */
    STYLE_SELECTED, /* the line of the cursor */
    STYLE_GOOD,
    STYLE_NOTICE,
    STYLE_BAD,
    STYLE_MAX,
};

struct screen;

struct screen_ops {
    void (*get_size)(struct screen *screen, int *ret_rows, int *ret_columns);
    void (*erase)(struct screen *screen);
    /* @text fits in its row from @column on. */
    void (*put)(struct screen *screen, int row, int column, enum style style, const char *text);
    void (*show)(struct screen *screen);
    void (*free)(struct screen *screen);
};

/* First member of every kind of screen. */
struct screen {
    const struct screen_ops *ops;
};

void screen_free(struct screen *screen);
void screen_get_size(struct screen *screen, int *ret_rows, int *ret_columns);
void screen_erase(struct screen *screen);
/* Cuts the text where it leaves the grid. */
void screen_put(struct screen *screen, int row, int column, enum style style, const char *text);
/* From now on what was put is to be seen. */
void screen_show(struct screen *screen);

/* Keys: a character's code point, or one of these. */
enum {
    SCREEN_KEY_NONE = 0,
    SCREEN_KEY_ENTER = '\n',
    SCREEN_KEY_REDRAW = 'L' & 0x1f,
    SCREEN_KEY_ESCAPE = 0x1b,
    SCREEN_KEY_BACKSPACE = 0x7f,
    SCREEN_KEY_UP = 0x200000, /* beyond Unicode */
    SCREEN_KEY_DOWN,
    SCREEN_KEY_LEFT,
    SCREEN_KEY_RIGHT,
    SCREEN_KEY_PAGE_UP,
    SCREEN_KEY_PAGE_DOWN,
    SCREEN_KEY_HOME,
    SCREEN_KEY_END,
    SCREEN_KEY_RESIZED,
    SCREEN_KEY_OTHER, /* one that has no meaning here */
};

/* The terminal of standard input and output; NULL where it is none that can be drawn on. */
struct screen *screen_curses_new(bool color);
/* The next key that was pressed, without waiting. */
int screen_curses_key(struct screen *screen);
/* Draws everything anew, over whatever others have written there. */
void screen_curses_redraw(struct screen *screen);
