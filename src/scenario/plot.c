/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/plot.h"

#include <math.h>

#include "base/file.h"
#include "base/size.h"
#include "core/units.h"
#include "scenario/error.h"
#include "scenario/means.h"
#include "scenario/plot-impl.h"
#include "scenario/states.h"

#define WIDTH       1080.0
#define MARGIN_LEFT 110.0
#define MARGIN      32.0
#define TITLE       52.0 /* with the legend of the states */
#define GAP         26.0 /* between panels: the next one's heading */

#define BAND_HEIGHT      18.0
#define FREE_HEIGHT      150.0
#define MEMORY_HEIGHT    220.0
#define MECHANISM_HEIGHT 40.0
#define AXIS_HEIGHT      36.0
#define LEGEND_LINE      18.0
#define LEGEND_COLUMN    150.0

/* About so many marks on the axis of time. */
#define TICKS 10

/* Colours that are told apart by most who do not see all of them (Okabe and Ito 2008); dark where
 * the viewer prefers that. */
static const char style[] =
    "svg { font-family: sans-serif; font-size: 12px }\n"
    ".ground { fill: #ffffff } .panel { fill: #f2f2f2; fill-opacity: 0.6 } text { fill: #222222 }\n"
    ".title { font-size: 16px; font-weight: bold } .small { font-size: 11px; fill: #555555 }\n"
    ".grid { stroke: #d8d8d8; stroke-width: 1 } .axis { stroke: #888888; stroke-width: 1 }\n"
    ".state0 { fill: #009e73 } .state1 { fill: #8ec5e8 } .state2 { fill: #f0e442 }\n"
    ".state3 { fill: #e69f00 } .state4 { fill: #c8321e }\n"
    ".mark { stroke: #888888; stroke-width: 1; stroke-dasharray: 4 3 }\n"
    ".free { fill: none; stroke: #0072b2; stroke-width: 1.6 }\n"
    ".capacity { fill: none; stroke: #c8321e; stroke-width: 1.6 }\n"
    ".bound { fill: none; stroke: #c8321e; stroke-width: 1; stroke-dasharray: 4 3 }\n"
    ".guest0 { fill: #56b4e9 } .guest1 { fill: #e69f00 } .guest2 { fill: #009e73 }\n"
    ".guest3 { fill: #cc79a7 } .guest4 { fill: #f0e442 } .guest5 { fill: #0072b2 }\n"
    ".guest6 { fill: #d55e00 } .guest7 { fill: #999999 } .overhead { fill: #555555 }\n"
    ".act { fill: #0072b2 }\n"
    "@media (prefers-color-scheme: dark) {\n"
    ".ground { fill: #16181c } .panel { fill: #202329; fill-opacity: 0.6 } text { fill: #e6e6e6 }\n"
    ".small { fill: #a8a8a8 } .grid { stroke: #3a3e46 } .free { stroke: #56b4e9 }\n"
    ".act { fill: #56b4e9 } .overhead { fill: #cccccc }\n"
    "}\n";

double plot_x(const struct plot *p, double t)
{
    return p->left + p->width * (t - p->from) / MAX(p->to - p->from, 1e-9);
}

double panel_y(const struct panel *panel, double value)
{
    double part = (value - panel->low) / MAX(panel->high - panel->low, 1e-9);

    return panel->top + panel->height * (1 - part);
}

void plot_label(const struct plot *p, double y, const char *class, const char *text)
{
    svg_text(p->svg, p->left - 8, y + 4, SVG_END, class, text);
}

unsigned plot_first(const struct plot *p)
{
    return MIN(p->step, p->record->hosts->len) - 1;
}

bool plot_next(const struct plot *p, unsigned *i)
{
    unsigned last = p->record->hosts->len - 1;

    if (*i >= last)
        return false;
    *i = MIN(*i + p->step, last);
    return true;
}

/* 1, 2 or 5 times a power of ten: TICKS of them or a few more. */
static double tick_step(double length)
{
    double power = pow(10, floor(log10(MAX(length, 1) / TICKS)));
    static const double steps[] = {1, 2, 5, 10};

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        if (length / (power * steps[i]) <= TICKS * 1.5)
            return power * steps[i];
    return power * 10;
}

/* Through all panels, and their names below. */
static void draw_time(const struct plot *p, double top, double bottom)
{
    double step = tick_step(p->to - p->from);

    for (int i = (int)ceil(p->from / step); i <= (int)floor(p->to / step); i++) {
        double t = i * step;
        g_autofree char *text = g_strdup_printf("%g s", t);

        svg_line(p->svg, plot_x(p, t), top, plot_x(p, t), bottom, "grid");
        svg_text(p->svg, plot_x(p, t), bottom + 16, SVG_MIDDLE, "small", text);
    }
}

static void draw_states(const struct plot *p, double top)
{
    g_autoptr(GArray) states = states_of(p->record);

    for (unsigned i = 0; i < states->len; i++) {
        double from = states_get(states, i)->t;
        double to = i + 1 < states->len ? states_get(states, i + 1)->t : p->to;
        g_autofree char *class = g_strdup_printf("state%d", (int)states_get(states, i)->state);

        svg_rect(p->svg, plot_x(p, from), top, MAX(plot_x(p, to) - plot_x(p, from), 0.5),
                 BAND_HEIGHT, class);
    }
    plot_label(p, top + BAND_HEIGHT / 2, "", "state");
}

static void draw_legend_entry(const struct plot *p, double x, double y, const char *class,
                              const char *text)
{
    svg_rect(p->svg, x, y - 9, 12, 10, class);
    svg_text(p->svg, x + 17, y, SVG_START, "small", text);
}

static void draw_title(const struct plot *p)
{
    svg_text(p->svg, p->left, 24, SVG_START, "title", p->record->scenario->title);
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        g_autofree char *class = g_strdup_printf("state%d", s);

        draw_legend_entry(p, p->left + 70 * s, 43, class, host_state_name(s));
    }
}

static unsigned legend_lines(const struct plot *p)
{
    unsigned columns = (unsigned)(p->width / LEGEND_COLUMN);

    return (p->record->guests + 1 + columns - 1) / columns;
}

/* Of the memory panel. */
static void draw_guests(const struct plot *p, double y)
{
    unsigned columns = (unsigned)(p->width / LEGEND_COLUMN);

    for (unsigned g = 0; g <= p->record->guests; g++) {
        bool guest = g < p->record->guests;
        g_autofree char *class =
            guest ? g_strdup_printf("guest%u", g % PLOT_GUEST_COLOURS) : g_strdup("overhead");

        unsigned line = g / columns;

        draw_legend_entry(p, p->left + LEGEND_COLUMN * (g % columns), y + LEGEND_LINE * line, class,
                          guest ? scenario_guest(p->record->scenario, g)->name : "caches, pagers");
    }
}

/* The heading of the panel that begins at @top. */
static void draw_heading(const struct plot *p, double top, const char *text)
{
    svg_text(p->svg, p->left, top - 6, SVG_START, "small", text);
}

static void draw_panels(const struct plot *p, double top)
{
    struct panel panel = {.top = top + BAND_HEIGHT + GAP, .height = FREE_HEIGHT};

    draw_states(p, top);
    draw_heading(p, panel.top,
                 "Free memory, and the marks of the states (what is above is cut off)");
    plot_free_panel(p, &panel);
    panel = (struct panel){.top = panel.top + panel.height + GAP, .height = MEMORY_HEIGHT};
    draw_heading(p, panel.top, "Occupied by each guest; red: capacity, and capacity less minfree");
    plot_memory_panel(p, &panel);
    draw_guests(p, panel.top + panel.height + 18);
    panel.top += panel.height + LEGEND_LINE * legend_lines(p) + GAP + 10;
    draw_heading(p, panel.top, "Put out by each mechanism, a second");
    for (int m = 0; m < MEANS_MAX; m++) {
        panel.height = MECHANISM_HEIGHT;
        plot_mechanism_panel(p, &panel, m);
        panel.top += MECHANISM_HEIGHT + 6;
    }
}

static double height_of(const struct plot *p)
{
    return TITLE + BAND_HEIGHT + GAP + FREE_HEIGHT + GAP + MEMORY_HEIGHT +
           LEGEND_LINE * legend_lines(p) + GAP + 10 + MEANS_MAX * (MECHANISM_HEIGHT + 6) +
           AXIS_HEIGHT;
}

char *plot_draw(const struct record *r)
{
    struct plot p = {.record = r, .left = MARGIN_LEFT, .width = WIDTH - MARGIN_LEFT - MARGIN};
    double height = height_of(&p);
    char *text;

    p.svg = svg_new(WIDTH, height, r->scenario->title, style);
    svg_rect(p.svg, 0, 0, WIDTH, height, "ground");
    draw_title(&p);
    if (r->hosts->len > 0) {
        p.from = record_host(r, 0)->t;
        p.to = record_host(r, r->hosts->len - 1)->t;
        p.step = (r->hosts->len + PLOT_COLUMNS - 1) / PLOT_COLUMNS;
        draw_time(&p, TITLE, height - AXIS_HEIGHT);
        draw_panels(&p, TITLE);
    }
    text = svg_finish(p.svg);
    svg_free(p.svg);
    return text;
}

bool plot_write(const struct record *r, const char *path, GError **error)
{
    g_autofree char *text = plot_draw(r);
    g_autoptr(GError) why = NULL;

    if (file_write(path, text, -1, &why))
        return true;
    g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, why->message);
    return false;
}
