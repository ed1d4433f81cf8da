/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/screen.h"

#include "cli/text.h"

void screen_free(struct screen *screen)
{
    if (screen)
        screen->ops->free(screen);
}

void screen_get_size(struct screen *screen, int *ret_rows, int *ret_columns)
{
    screen->ops->get_size(screen, ret_rows, ret_columns);
}

void screen_erase(struct screen *screen)
{
    screen->ops->erase(screen);
}

void screen_put(struct screen *screen, int row, int column, enum style style, const char *text)
{
    g_autofree char *cut = NULL;
    int rows, columns;
    size_t width = text_width(text), room;

    screen_get_size(screen, &rows, &columns);
    if (row < 0 || row >= rows || column < 0 || column >= columns)
        return;
    room = (size_t)(columns - column);
    if (width > room)
        text = cut = text_fit(text, room, false, " ");
    screen->ops->put(screen, row, column, style, text);
}

void screen_show(struct screen *screen)
{
    screen->ops->show(screen);
}
