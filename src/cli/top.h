/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interactive `top`: a model that answers and keys change, and a view that draws it. Neither
 * knows the terminal or the daemon, which are in the loop (top.c: top_run).
 *
 * What the model wants from the loop (a sample at once, an explanation, the end) it leaves in
 * `wants`.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "cli/screen.h"
#include "cli/top_fetch.h"
#include "cli/top_sample.h"
#include "cli/top_settings.h"
#include "cli/views.h"

enum top_mode {
    TOP_TABLE,
    TOP_HELP,
    TOP_COLUMNS, /* choose and order columns */
    TOP_EXPLAIN,
    TOP_ASK_DELAY, /* typing into `input` */
    TOP_ASK_FILTER,
};

#define TOP_INPUT_MAX 64 /* characters that can be typed at a question */

struct top {
    struct top_settings settings;
    char *settings_path;
    bool ascii;
    bool paused;
    int view; /* VIEW_MEMORY: the columns of the settings */
    enum top_mode mode;

    struct top_sample *sample; /* NULL before the first */
    GArray *rows;              /* uint32_t: the guests shown, in order */
    char *selected;            /* name of the guest under the cursor; NULL: the first row */
    size_t cursor, first_row;  /* in rows */
    size_t first_column;       /* of those right of the name, for screens too narrow */
    size_t page;               /* rows that the last drawing had room for */

    char *filter; /* NULL: none */
    GString *input;
    char *notice;  /* said once, until the next key; NULL: nothing */
    char *trouble; /* why there is no fresh sample; NULL: there is */

    GPtrArray *popup;    /* lines of the window (char *), NULL: made while drawing */
    size_t popup_first;  /* first line shown */
    size_t popup_cursor; /* in the window of columns */
    char *explained;     /* the guest that the window is about */

    struct {
        bool sample, explanation, redraw, quit;
    } wants;
};

void top_init(struct top *top, const struct top_settings *settings, bool ascii);
void top_deinit(struct top *top);

/* Takes the answer. */
void top_take_answer(struct top *top, struct top_answer *answer, int64_t monotonic, double time);

/* Computes the rows anew after the filter, the sorting or the sample has changed. */
void top_update_rows(struct top *top);

/* The columns shown now, in order; their number. */
size_t top_columns(const struct top *top, int ret_columns[static COLUMNS_MAX]);

/* The guest under the cursor; NULL where there is none. */
const struct guest_info *top_selected(const struct top *top);

void top_key(struct top *top, int key);

/* Moves the cursor, by one or by a page. */
void top_move(struct top *top, long rows);

void top_draw(struct top *top, struct screen *screen);

/* The windows over the table (top_popup.c). */
void top_draw_popup(struct top *top, struct screen *screen);
void top_key_popup(struct top *top, int key);

/* Keys and their meaning, for the help; NULL ends it. */
struct top_key_help {
    const char *keys, *meaning;
};
extern const struct top_key_help TOP_KEYS[];

/* Runs until the user quits. The client's socket is @socket. */
void top_run(struct top *top, struct screen *screen, const char *socket);
