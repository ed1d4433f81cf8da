/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture as SVG: as much of it as a chart needs. Coordinates are pixels, y goes down. What it
 * looks like is said by classes, whose style the caller gives.
 */
#pragma once

#include <glib.h>

struct svg;

struct svg_point {
    double x, y;
};

struct svg *svg_new(double width, double height, const char *title, const char *style);
void svg_free(struct svg *s);

void svg_rect(struct svg *s, double x, double y, double width, double height, const char *class);
void svg_line(struct svg *s, double x1, double y1, double x2, double y2, const char *class);

enum svg_anchor {
    SVG_START,
    SVG_MIDDLE,
    SVG_END
};

/* @text is escaped. */
void svg_text(struct svg *s, double x, double y, enum svg_anchor anchor, const char *class,
              const char *text);

/* GArrays of struct svg_point: a line through them; the area between the line and the way back. */
void svg_polyline(struct svg *s, const GArray *points, const char *class);
void svg_area(struct svg *s, const GArray *upper, const GArray *lower, const char *class);

/* All that is drawn between the two is seen only within the rectangle. */
void svg_clip_begin(struct svg *s, double x, double y, double width, double height);
void svg_clip_end(struct svg *s);

/* The file's text, once; owned by the caller. */
char *svg_finish(struct svg *s);
