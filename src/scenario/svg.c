/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/svg.h"

#include <stdbool.h>

struct svg {
    GString *out;
    unsigned clips;
};

struct svg *svg_new(double width, double height, const char *title, const char *style)
{
    struct svg *s = g_new0(struct svg, 1);
    g_autofree char *escaped = g_markup_escape_text(title, -1);

    s->out = g_string_new(NULL);
    g_string_append_printf(
        s->out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\">\n<title>%s</title>\n<style>\n%s</style>\n",
        width, height, width, height, escaped, style);
    return s;
}

void svg_free(struct svg *s)
{
    if (!s)
        return;
    g_string_free(s->out, TRUE);
    g_free(s);
}

void svg_rect(struct svg *s, double x, double y, double width, double height, const char *class)
{
    g_string_append_printf(
        s->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y,
        width, height, class);
}

void svg_line(struct svg *s, double x1, double y1, double x2, double y2, const char *class)
{
    g_string_append_printf(s->out,
                           "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n",
                           x1, y1, x2, y2, class);
}

void svg_text(struct svg *s, double x, double y, enum svg_anchor anchor, const char *class,
              const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    g_autofree char *escaped = g_markup_escape_text(text, -1);

    g_string_append_printf(
        s->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n", x, y,
        anchors[anchor], class, escaped);
}

static void put_points(GString *out, const GArray *points, bool backwards)
{
    for (unsigned i = 0; i < points->len; i++) {
        const struct svg_point *p =
            &g_array_index(points, struct svg_point, backwards ? points->len - 1 - i : i);

        g_string_append_printf(out, "%.1f,%.1f ", p->x, p->y);
    }
}

void svg_polyline(struct svg *s, const GArray *points, const char *class)
{
    g_string_append(s->out, "<polyline points=\"");
    put_points(s->out, points, false);
    g_string_append_printf(s->out, "\" class=\"%s\"/>\n", class);
}

void svg_area(struct svg *s, const GArray *upper, const GArray *lower, const char *class)
{
    g_string_append(s->out, "<polygon points=\"");
    put_points(s->out, upper, false);
    put_points(s->out, lower, true);
    g_string_append_printf(s->out, "\" class=\"%s\"/>\n", class);
}

void svg_clip_begin(struct svg *s, double x, double y, double width, double height)
{
    s->clips++;
    g_string_append_printf(s->out,
                           "<clipPath id=\"clip%u\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                           "height=\"%.1f\"/></clipPath>\n<g clip-path=\"url(#clip%u)\">\n",
                           s->clips, x, y, width, height, s->clips);
}

void svg_clip_end(struct svg *s)
{
    g_string_append(s->out, "</g>\n");
}

char *svg_finish(struct svg *s)
{
    g_string_append(s->out, "</svg>\n");
    return g_strdup(s->out->str);
}
