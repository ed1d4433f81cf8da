/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top.h"

#include <string.h>

/* Letters that sort are in the columns' table. */
const struct top_key_help TOP_KEYS[] = {
    {"q", "quit"},
    {"h ?", "this help"},
    {"Space", "look again at once"},
    {"Ctrl-L", "draw the screen anew"},
    {"d s", "change the delay"},
    {"1 2 3 4 5", "other columns: memory, paging, health, sharing, guest"},
    {"v", "the next of these"},
    {"f F o O", "choose columns and their order"},
    {"Up Down PgUp PgDn", "move the cursor; also Home and End"},
    {"Left Right", "move sideways where the screen is too narrow"},
    {"e Enter", "explain the guest under the cursor"},
    {"/", "show only guests whose name holds a text; nothing shows all"},
    {"p", "pause, and go on"},
    {"< >", "sort by the column to the left or right"},
    {"R I", "reverse the order"},
    {"W", "keep columns, order and delay in toprc"},
    {NULL, NULL},
};

static void notice(struct top *top, char *text)
{
    g_free(top->notice);
    top->notice = text_clean(text, top->ascii);
    g_free(text);
}

static void open_window(struct top *top, enum top_mode mode)
{
    top->mode = mode;
    top->popup_first = 0;
    g_clear_pointer(&top->popup, g_ptr_array_unref);
}

static void open_explanation(struct top *top)
{
    const struct guest_info *guest = top_selected(top);

    if (!guest || !guest->name)
        return;
    g_free(top->explained);
    top->explained = g_strdup(guest->name);
    open_window(top, TOP_EXPLAIN);
    top->wants.explanation = true;
}

static void ask(struct top *top, enum top_mode mode)
{
    top->mode = mode;
    g_string_assign(top->input, mode == TOP_ASK_FILTER && top->filter ? top->filter : "");
}

static void save_settings(struct top *top)
{
    g_autoptr(GError) error = NULL;

    if (top_settings_save(&top->settings, top->settings_path, &error))
        notice(top, g_strdup_printf("settings are kept in %s", top->settings_path));
    else
        notice(top, g_strdup_printf("settings are not kept: %s", error->message));
}

static bool sort_key(struct top *top, int key)
{
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        if (COLUMNS[i].sort_key != 0 && COLUMNS[i].sort_key == key) {
            top->settings.sort = (int)i;
            top->settings.reverse = false;
            return true;
        }
    }
    return false;
}

/* Sorts by the shown column beside the present one; from a hidden one, by the first. */
static void sort_beside(struct top *top, int step)
{
    int columns[COLUMNS_MAX];
    int count = (int)top_columns(top, columns);
    int at = -1;

    for (int i = 0; i < count; i++) {
        if (columns[i] == top->settings.sort)
            at = i;
    }
    at = at < 0 ? 0 : CLAMP(at + step, 0, count - 1);
    top->settings.sort = columns[at];
}

/* True for keys that change the order of rows. */
static bool key_order(struct top *top, int key)
{
    switch (key) {
    case 'R':
    case 'I':
        top->settings.reverse = !top->settings.reverse;
        return true;
    case '<':
        sort_beside(top, -1);
        return true;
    case '>':
        sort_beside(top, 1);
        return true;
    default:
        return sort_key(top, key);
    }
}

static bool key_move(struct top *top, int key)
{
    switch (key) {
    case SCREEN_KEY_UP:
        top_move(top, -1);
        return true;
    case SCREEN_KEY_DOWN:
        top_move(top, 1);
        return true;
    case SCREEN_KEY_PAGE_UP:
        top_move(top, -(long)top->page);
        return true;
    case SCREEN_KEY_PAGE_DOWN:
        top_move(top, (long)top->page);
        return true;
    case SCREEN_KEY_HOME:
        top_move(top, -(long)top->rows->len);
        return true;
    case SCREEN_KEY_END:
        top_move(top, (long)top->rows->len);
        return true;
    case SCREEN_KEY_LEFT:
        top->first_column -= top->first_column > 0;
        return true;
    case SCREEN_KEY_RIGHT:
        top->first_column += top->first_column + 1 < COLUMN_COUNT_ALL;
        return true;
    default:
        return false;
    }
}

static void show_view(struct top *top, int view)
{
    top->view = view;
    top->first_column = 0;
}

static void key_command(struct top *top, int key)
{
    switch (key) {
    case 'q':
        top->wants.quit = true;
        break;
    case 'h':
    case '?':
        open_window(top, TOP_HELP);
        break;
    case 'f':
    case 'F':
    case 'o':
    case 'O':
        show_view(top, VIEW_MEMORY); /* the others are always the same */
        open_window(top, TOP_COLUMNS);
        top->popup_cursor = 0;
        break;
    case 'v':
        show_view(top, (top->view + 1) % VIEWS);
        break;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
        show_view(top, key - '1');
        break;
    case 'e':
    case SCREEN_KEY_ENTER:
        open_explanation(top);
        break;
    case 'd':
    case 's':
        ask(top, TOP_ASK_DELAY);
        break;
    case '/':
        ask(top, TOP_ASK_FILTER);
        break;
    case 'p':
        top->paused = !top->paused;
        top->wants.sample = !top->paused;
        break;
    case ' ':
        top->wants.sample = true;
        break;
    case 'W':
        save_settings(top);
        break;
    default:
        break;
    }
}

static void finish_input(struct top *top)
{
    if (top->mode == TOP_ASK_FILTER) {
        g_free(top->filter);
        top->filter = top->input->len > 0 ? g_strdup(top->input->str) : NULL;
        top_update_rows(top);
    } else if (top->input->len > 0 && !top_delay_parse(top->input->str, &top->settings.delay)) {
        notice(top, g_strdup_printf("'%s' is no delay: it takes %g to %g seconds", top->input->str,
                                    TOP_DELAY_MIN, TOP_DELAY_MAX));
    }
    top->mode = TOP_TABLE;
}

static void key_input(struct top *top, int key)
{
    GString *input = top->input;

    if (key == SCREEN_KEY_ENTER) {
        finish_input(top);
    } else if (key == SCREEN_KEY_ESCAPE) {
        top->mode = TOP_TABLE;
    } else if (key == SCREEN_KEY_BACKSPACE && input->len > 0) {
        g_string_truncate(input, (gsize)(g_utf8_prev_char(input->str + input->len) - input->str));
    } else if (key >= ' ' && key < SCREEN_KEY_UP && g_unichar_isprint((gunichar)key) &&
               g_utf8_strlen(input->str, -1) < TOP_INPUT_MAX) {
        g_string_append_unichar(input, (gunichar)key);
    }
}

void top_key(struct top *top, int key)
{
    g_clear_pointer(&top->notice, g_free);
    if (key == SCREEN_KEY_REDRAW || key == SCREEN_KEY_RESIZED) {
        top->wants.redraw = true;
        return;
    }
    switch (top->mode) {
    case TOP_ASK_DELAY:
    case TOP_ASK_FILTER:
        key_input(top, key);
        break;
    case TOP_HELP:
    case TOP_COLUMNS:
    case TOP_EXPLAIN:
        top_key_popup(top, key);
        break;
    case TOP_TABLE:
        if (key_order(top, key))
            top_update_rows(top);
        else if (!key_move(top, key))
            key_command(top, key);
        break;
    }
}
