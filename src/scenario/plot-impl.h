/* SPDX-License-Identifier: Apache-2.0 */
/* Of plot.c and plot-panels.c: one panel below the other over the same time. */
#pragma once

#include "scenario/means.h"
#include "scenario/record.h"
#include "scenario/svg.h"

/* No line has more points than this: more could not be told apart. */
#define PLOT_COLUMNS 1000
/* Colours of guests; more guests use them again. */
#define PLOT_GUEST_COLOURS 8

struct plot {
    struct svg *svg;
    const struct record *record;
    double left, width; /* of the panels */
    double from, to;    /* seconds on the clock */
    unsigned step;      /* samples per column */
};

/* One panel: its place, and which values its lower and upper edge stand for. */
struct panel {
    double top, height;
    double low, high;
};

double plot_x(const struct plot *p, double t);
double panel_y(const struct panel *panel, double value);

/* A text left of the panels. */
void plot_label(const struct plot *p, double y, const char *class, const char *text);

/* A column that is drawn is the last sample of it: @i is its index. The first; and the next one, or
 * none (false). */
unsigned plot_first(const struct plot *p);
bool plot_next(const struct plot *p, unsigned *i);

void plot_free_panel(const struct plot *p, const struct panel *place);
void plot_memory_panel(const struct plot *p, const struct panel *place);
void plot_mechanism_panel(const struct plot *p, const struct panel *place, enum means m);
