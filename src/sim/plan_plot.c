/* SPDX-License-Identifier: Apache-2.0 */
/* Over the number of guests: what they lose above, in which states the host is below. */
#include <math.h>

#include "scenario/svg.h"
#include "sim/plan.h"

#define WIDTH  760.0
#define HEIGHT 560.0
#define LEFT   70.0
#define RIGHT  24.0

#define SLOW_TOP      64.0
#define SLOW_HEIGHT   260.0
#define STATES_TOP    380.0
#define STATES_HEIGHT 110.0

/* The colours of a run's plot (scenario/plot.c) for the states. */
static const char style[] =
    "svg { font-family: sans-serif; font-size: 12px }\n"
    ".ground { fill: #ffffff } .panel { fill: #f2f2f2; fill-opacity: 0.6 } text { fill: #222222 }\n"
    ".title { font-size: 16px; font-weight: bold } .small { font-size: 11px; fill: #555555 }\n"
    ".grid { stroke: #d8d8d8 } .axis { stroke: #888888 }\n"
    ".state0 { fill: #009e73 } .state1 { fill: #8ec5e8 } .state2 { fill: #f0e442 }\n"
    ".state3 { fill: #e69f00 } .state4 { fill: #c8321e }\n"
    ".border { stroke: #c8321e; stroke-width: 1.4; stroke-dasharray: 4 3 }\n"
    ".line0, .line1, .line2 { fill: none; stroke-width: 2 }\n"
    ".line0 { stroke: #0072b2 } .line1 { stroke: #d55e00 } .line2 { stroke: #009e73 }\n"
    ".text0 { fill: #0072b2 } .text1 { fill: #d55e00 } .text2 { fill: #009e73 }\n"
    "@media (prefers-color-scheme: dark) {\n"
    ".ground { fill: #16181c } .panel { fill: #202329; fill-opacity: 0.6 } text { fill: #e6e6e6 }\n"
    ".small { fill: #a8a8a8 } .grid { stroke: #3a3e46 }\n"
    "}\n";

struct chart {
    struct svg *svg;
    const struct plan_question *question;
    const struct plan *plan;
    double from, to; /* guests */
};

static double x_of(const struct chart *c, double guests)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (guests - c->from) / fmax(c->to - c->from, 1);
}

/* Slowdowns are drawn by their root: 1 % is to be seen beside 100 %. */
static double slow_y(double slowdown)
{
    return SLOW_TOP + SLOW_HEIGHT * (1 - sqrt(CLAMP(slowdown, 0, 1)));
}

static void add_point(GArray *points, double x, double y)
{
    struct svg_point point = {.x = x, .y = y};

    g_array_append_val(points, point);
}

static double mean_of(const struct plan_trial *t)
{
    return t->mean;
}

static double percentile_of(const struct plan_trial *t)
{
    return t->at_percentile;
}

static double worst_of(const struct plan_trial *t)
{
    return t->worst;
}

static void draw_slowdown(const struct chart *c, double (*of)(const struct plan_trial *t),
                          const char *class)
{
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(struct svg_point));

    for (unsigned i = 0; i < c->plan->sweep_points; i++)
        add_point(points, x_of(c, c->plan->sweep[i].guests), slow_y(of(&c->plan->sweep[i])));
    svg_polyline(c->svg, points, class);
}

static void draw_slow_panel(const struct chart *c)
{
    static const double marks[] = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 1};

    svg_rect(c->svg, LEFT, SLOW_TOP, WIDTH - LEFT - RIGHT, SLOW_HEIGHT, "panel");
    for (unsigned i = 0; i < G_N_ELEMENTS(marks); i++) {
        g_autofree char *text = g_strdup_printf("%.0f %%", marks[i] * 100);

        svg_line(c->svg, LEFT, slow_y(marks[i]), WIDTH - RIGHT, slow_y(marks[i]), "grid");
        svg_text(c->svg, LEFT - 8, slow_y(marks[i]) + 4, SVG_END, "small", text);
    }
    svg_line(c->svg, LEFT, slow_y(c->question->slowdown), WIDTH - RIGHT,
             slow_y(c->question->slowdown), "border");
    draw_slowdown(c, mean_of, "line0");
    draw_slowdown(c, percentile_of, "line1");
    draw_slowdown(c, worst_of, "line2");
}

static void draw_legend(const struct chart *c)
{
    g_autofree char *percentile =
        g_strdup_printf("guest-minute at %.4g %%", c->question->percentile * 100);

    svg_text(c->svg, LEFT, SLOW_TOP - 10, SVG_START, "text0", "slowdown: mean");
    svg_text(c->svg, LEFT + 130, SLOW_TOP - 10, SVG_START, "text1", percentile);
    svg_text(c->svg, LEFT + 310, SLOW_TOP - 10, SVG_START, "text2", "worst guest");
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        g_autofree char *class = g_strdup_printf("state%d", s);
        double x = LEFT + 80.0 * s;

        svg_rect(c->svg, x, STATES_TOP - 18, 10, 10, class);
        svg_text(c->svg, x + 14, STATES_TOP - 9, SVG_START, "small", host_state_name(s));
    }
}

static void draw_states(const struct chart *c)
{
    double below[PLAN_POINTS] = {0};

    svg_rect(c->svg, LEFT, STATES_TOP, WIDTH - LEFT - RIGHT, STATES_HEIGHT, "panel");
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        g_autofree char *class = g_strdup_printf("state%d", s);
        g_autoptr(GArray) upper = g_array_new(FALSE, FALSE, sizeof(struct svg_point));
        g_autoptr(GArray) lower = g_array_new(FALSE, FALSE, sizeof(struct svg_point));

        for (unsigned i = 0; i < c->plan->sweep_points; i++) {
            double x = x_of(c, c->plan->sweep[i].guests);

            add_point(lower, x, STATES_TOP + STATES_HEIGHT * (1 - below[i]));
            below[i] += c->plan->sweep[i].state_part[s];
            add_point(upper, x, STATES_TOP + STATES_HEIGHT * (1 - below[i]));
        }
        svg_area(c->svg, upper, lower, class);
    }
}

static void draw_axis(const struct chart *c)
{
    double bottom = STATES_TOP + STATES_HEIGHT;
    unsigned fits = plan_answer_median(&c->plan->answers[PLAN_DESCRIBED]);

    for (unsigned i = 0; i < c->plan->sweep_points; i++) {
        g_autofree char *text = g_strdup_printf("%u", c->plan->sweep[i].guests);

        svg_text(c->svg, x_of(c, c->plan->sweep[i].guests), bottom + 16, SVG_MIDDLE, "small", text);
    }
    svg_text(c->svg, WIDTH / 2, bottom + 40, SVG_MIDDLE, "small",
             "guests; dashed: those that fit, and the slowdown allowed");
    svg_line(c->svg, x_of(c, fits), SLOW_TOP, x_of(c, fits), bottom, "border");
}

char *plan_plot(const struct plan_question *q, const struct plan *p)
{
    g_autofree char *title = g_strdup_printf("Where it breaks: %s", q->fleet->title);
    struct chart c = {.svg = svg_new(WIDTH, HEIGHT, title, style),
                      .question = q,
                      .plan = p,
                      .from = p->sweep[0].guests,
                      .to = p->sweep[p->sweep_points - 1].guests};
    char *text;

    g_assert(p->sweep_points > 0);
    svg_rect(c.svg, 0, 0, WIDTH, HEIGHT, "ground");
    svg_text(c.svg, LEFT, 28, SVG_START, "title", title);
    draw_slow_panel(&c);
    draw_legend(&c);
    draw_states(&c);
    draw_axis(&c);
    text = svg_finish(c.svg);
    svg_free(c.svg);
    return text;
}
