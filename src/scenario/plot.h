/* SPDX-License-Identifier: Apache-2.0 */
/* A run as a picture (SVG): states, free memory, who occupies how much, what each mechanism did. */
#pragma once

#include "scenario/record.h"

/* The SVG's text; owned by the caller. */
char *plot_draw(const struct record *r);

bool plot_write(const struct record *r, const char *path, GError **error);
