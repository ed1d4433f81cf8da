/* SPDX-License-Identifier: Apache-2.0 */
/* A screen in memory, for looking at what was drawn. */
#pragma once

#include "cli/screen.h"

struct screen *grid_new(int rows, int columns);
void grid_resize(struct screen *screen, int rows, int columns);
/* All rows, without the blanks at their ends; owned by the caller. */
char *grid_text(struct screen *screen);
/* The style of a place. */
enum style grid_style(struct screen *screen, int row, int column);
