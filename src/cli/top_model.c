/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top.h"

#include "cli/explain.h"

void top_init(struct top *top, const struct top_settings *settings, bool ascii)
{
    *top = (struct top){.settings = *settings, .ascii = ascii, .input = g_string_new(NULL)};
    top->rows = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    top->settings_path = top_settings_path();
}

void top_deinit(struct top *top)
{
    top_sample_free(top->sample);
    g_array_unref(top->rows);
    g_string_free(top->input, TRUE);
    g_clear_pointer(&top->popup, g_ptr_array_unref);
    g_free(top->settings_path);
    g_free(top->selected);
    g_free(top->filter);
    g_free(top->notice);
    g_free(top->trouble);
    g_free(top->explained);
}

size_t top_columns(const struct top *top, int ret_columns[static COLUMNS_MAX])
{
    if (top->view != VIEW_MEMORY)
        return view_columns(top->view, ret_columns);
    return top_settings_shown(&top->settings, ret_columns);
}

static const struct guest_info *guest_at(const struct top *top, size_t row)
{
    return &top->sample->guests[g_array_index(top->rows, uint32_t, row)];
}

const struct guest_info *top_selected(const struct top *top)
{
    return top->cursor < top->rows->len ? guest_at(top, top->cursor) : NULL;
}

void top_move(struct top *top, long rows)
{
    long last = (long)top->rows->len - 1;
    const struct guest_info *guest;

    if (last < 0)
        return;
    top->cursor = (size_t)CLAMP((long)top->cursor + rows, 0, last);
    guest = top_selected(top);
    g_free(top->selected);
    top->selected = g_strdup(guest->name);
}

/* The cursor stays with its guest; where that is gone, with its line. */
static void find_cursor(struct top *top)
{
    for (size_t i = 0; top->selected && i < top->rows->len; i++) {
        if (g_strcmp0(guest_at(top, i)->name, top->selected) == 0) {
            top->cursor = i;
            return;
        }
    }
    if (!top->selected)
        top->cursor = 0;
    top->cursor = MIN(top->cursor, MAX(top->rows->len, 1) - 1);
}

void top_update_rows(struct top *top)
{
    struct top_order order = {top->settings.sort, top->settings.reverse, top->filter};

    if (!top->sample)
        return;
    g_array_unref(top->rows);
    top->rows = top_sample_order(top->sample, &order);
    find_cursor(top);
}

static void take_sample(struct top *top, struct top_answer *answer, int64_t monotonic, double time)
{
    struct top_sample *before = top->sample;

    top->sample = top_sample_new(g_steal_pointer(&answer->host), g_steal_pointer(&answer->guests),
                                 before, monotonic, time);
    top_sample_free(before);
    g_clear_pointer(&top->trouble, g_free);
    top_update_rows(top);
}

static void take_explanation(struct top *top, const struct top_answer *answer)
{
    /* The user may have left the window, or asked for another guest. */
    if (top->mode != TOP_EXPLAIN || g_strcmp0(top->explained, answer->explained) != 0)
        return;
    g_clear_pointer(&top->popup, g_ptr_array_unref);
    top->popup = explain_lines(&(struct explained){answer->guest, answer->decisions, answer->host},
                               top->ascii);
}

void top_take_answer(struct top *top, struct top_answer *answer, int64_t monotonic, double time)
{
    if (answer->explained && answer->guest) {
        take_explanation(top, answer);
    } else if (answer->error) {
        g_free(top->trouble);
        top->trouble = text_clean(answer->error->message, top->ascii);
    } else {
        take_sample(top, answer, monotonic, time);
    }
    top_answer_free(answer);
}
