/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/report.h"

#include "base/file.h"
#include "scenario/svg.h"

#define LEFT       120.0
#define BAR        13.0
#define BAR_LENGTH 300.0
#define COLUMN     (LEFT + BAR_LENGTH + 60.0)
#define COLUMNS    2u
#define HEAD       34.0
#define TITLE      40.0

static const char style[] = "text{font:11px sans-serif;fill:#222}.t{font-size:15px}.h{font-size:"
                            "12px;font-weight:bold}.m{fill:#a9c5e8}.w{fill:#3f74b5}.o{fill:#c8dcb8}"
                            ".a{fill:#f2b880}.g{stroke:#ddd;stroke-width:1}";

static const char *bar_class(const struct manager_ops *policy)
{
    if (policy == &MANAGER_AEROSTAT)
        return "a";
    return policy == &ORACLE ? "o" : "m";
}

static void draw_row(struct svg *s, double x, double y, const struct report_row *row)
{
    g_autofree char *value = g_strdup_printf("%.2f", row->mean);

    svg_text(s, x + LEFT - 6, y + BAR - 3, SVG_END, "", row->policy->name);
    svg_rect(s, x + LEFT, y + 1, BAR_LENGTH * CLAMP(row->mean, 0, 1.05), BAR - 2,
             bar_class(row->policy));
    svg_rect(s, x + LEFT, y + 4, BAR_LENGTH * CLAMP(row->worst, 0, 1.05), BAR - 8, "w");
    svg_text(s, x + LEFT + BAR_LENGTH + 20, y + BAR - 3, SVG_START, "", value);
}

static void draw_class(struct svg *s, const struct runs *runs, unsigned class, double x, double y)
{
    double height = BAR * runs->policies->len;
    g_autofree char *title = class == SCENE_FLEETS
                                 ? g_strdup(scene_class_title(class))
                                 : g_strdup_printf("%u. %s", class, scene_class_title(class));

    svg_text(s, x + 8, y - 6, SVG_START, "h", title);
    for (int i = 0; i <= 4; i++)
        svg_line(s, x + LEFT + BAR_LENGTH * i / 4, y, x + LEFT + BAR_LENGTH * i / 4, y + height,
                 "g");
    for (unsigned p = 0; p < runs->policies->len; p++) {
        struct report_row row;

        if (report_row(runs, class, p, &row))
            draw_row(s, x, y + BAR * p, &row);
    }
}

bool report_svg(const struct runs *runs, const char *path, GError **error)
{
    double group = HEAD + BAR * runs->policies->len;
    unsigned there[SCENE_FLEETS], n = 0, rows;
    g_autofree char *text = NULL;
    struct report_row row;
    struct svg *s;

    for (unsigned class = 1; class <= SCENE_FLEETS; class ++)
        if (report_row(runs, class, 0, &row))
            there[n++] = class;
    rows = (n + COLUMNS - 1) / COLUMNS;
    s = svg_new(COLUMN * COLUMNS, TITLE + group * rows + 10,
                "Policies: throughput relative to unlimited memory", style);
    svg_text(s, 8, 22, SVG_START, "t",
             "Throughput relative to unlimited memory: mean, and (dark) the worst guest's");
    for (unsigned i = 0; i < n; i++) {
        unsigned column = i % COLUMNS, row_of_it = i / COLUMNS;

        draw_class(s, runs, there[i], COLUMN * column, TITLE + HEAD + group * row_of_it - 8);
    }
    text = svg_finish(s);
    svg_free(s);
    return file_write(path, text, -1, error);
}
