/* SPDX-License-Identifier: Apache-2.0 */
/* The panels of a plot. */
#include <math.h>
#include <stdbool.h>

#include "base/size.h"
#include "core/units.h"
#include "scenario/movement.h"
#include "scenario/plot-impl.h"

/* Of minfree: what of free memory is drawn. Far above its marks it tells nothing more. */
#define FREE_LOW  (-0.3)
#define FREE_HIGH 1.8

/* Each state but high begins below this part of minfree. */
static const double marks[HOST_STATE_MAX] = {
    [HOST_CLEAR] = 1.0, [HOST_SOFT] = 0.64, [HOST_HARD] = 0.32, [HOST_LOW] = 0.16};

static GArray *points_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(struct svg_point));
}

static void add_point(GArray *points, double x, double y)
{
    struct svg_point point = {.x = x, .y = y};

    g_array_append_val(points, point);
}

static void draw_ground(const struct plot *p, const struct panel *panel)
{
    svg_rect(p->svg, p->left, panel->top, p->width, panel->height, "panel");
    svg_line(p->svg, p->left, panel->top + panel->height, p->left + p->width,
             panel->top + panel->height, "axis");
}

/* What the host sample says, for a line. */
static double free_of(const struct host_sample *h)
{
    return (double)h->capacity - (double)h->resident;
}

static double capacity_of(const struct host_sample *h)
{
    return (double)h->capacity;
}

static double bound_of(const struct host_sample *h)
{
    return (double)u64_sub(h->capacity, h->minfree);
}

static void draw_line(const struct plot *p, const struct panel *panel,
                      double (*of)(const struct host_sample *h), const char *class)
{
    g_autoptr(GArray) points = points_new();
    unsigned i = plot_first(p);

    do {
        const struct host_sample *h = record_host(p->record, i);

        add_point(points, plot_x(p, h->t), panel_y(panel, of(h)));
    } while (plot_next(p, &i));
    svg_polyline(p->svg, points, class);
}

static uint64_t largest_minfree(const struct record *r)
{
    uint64_t most = 1;

    for (unsigned i = 0; i < r->hosts->len; i++)
        most = u64_max(most, record_host(r, i)->minfree);
    return most;
}

void plot_free_panel(const struct plot *p, const struct panel *place)
{
    double minfree = (double)largest_minfree(p->record);
    struct panel panel = {.top = place->top,
                          .height = place->height,
                          .low = FREE_LOW * minfree,
                          .high = FREE_HIGH * minfree};
    double zero = panel_y(&panel, 0);

    draw_ground(p, &panel);
    for (int s = HOST_CLEAR; s < HOST_STATE_MAX; s++) {
        double y = panel_y(&panel, marks[s] * minfree);

        svg_line(p->svg, p->left, y, p->left + p->width, y, "mark");
        plot_label(p, y, "small", host_state_name(s));
    }
    svg_line(p->svg, p->left, zero, p->left + p->width, zero, "axis");
    plot_label(p, zero + 2, "small", "0");
    svg_clip_begin(p->svg, p->left, panel.top, p->width, panel.height);
    draw_line(p, &panel, free_of, "free");
    svg_clip_end(p->svg);
}

static uint64_t occupied_by(const struct record *r, unsigned i, unsigned guest)
{
    const struct guest_sample *s;

    if (guest < r->guests)
        return record_guest(r, i, guest)->resident;

    uint64_t rest = record_host(r, i)->memory.swap_cache + record_host(r, i)->overhead;

    for (unsigned g = 0; g < r->guests; g++) {
        s = record_guest(r, i, g);
        rest += s->pager.cache;
    }
    return rest;
}

/* The area of one guest (or, past the last, of what belongs to none) on top of those below it,
 * whose upper line is @below. The new upper line. */
static GArray *stack_on(const struct plot *p, const struct panel *panel, double *sums,
                        const GArray *below, unsigned guest)
{
    g_autofree char *class = guest < p->record->guests
                                 ? g_strdup_printf("guest%u", guest % PLOT_GUEST_COLOURS)
                                 : g_strdup("overhead");
    GArray *upper = points_new();
    unsigned i = plot_first(p), column = 0;

    do {
        sums[column] += (double)occupied_by(p->record, i, guest);
        add_point(upper, plot_x(p, record_host(p->record, i)->t), panel_y(panel, sums[column]));
        column++;
    } while (plot_next(p, &i));
    svg_area(p->svg, upper, below, class);
    return upper;
}

/* A little more than is ever reached. */
static double memory_top(const struct record *r)
{
    uint64_t most = 1;

    for (unsigned i = 0; i < r->hosts->len; i++)
        most = u64_max(most, u64_max(record_host(r, i)->resident, record_host(r, i)->capacity));
    return (double)most * 1.06;
}

void plot_memory_panel(const struct plot *p, const struct panel *place)
{
    struct panel panel = {
        .top = place->top, .height = place->height, .high = memory_top(p->record)};
    g_autofree double *sums = g_new0(double, p->record->hosts->len + 1);
    g_autoptr(GArray) line = points_new();
    char text[SIZE_TEXT_MAX];
    unsigned i = plot_first(p);

    draw_ground(p, &panel);
    do
        add_point(line, plot_x(p, record_host(p->record, i)->t), panel_y(&panel, 0));
    while (plot_next(p, &i));
    for (unsigned g = 0; g <= p->record->guests; g++) {
        GArray *upper = stack_on(p, &panel, sums, line, g);

        g_array_unref(line);
        line = upper;
    }
    draw_line(p, &panel, capacity_of, "capacity");
    draw_line(p, &panel, bound_of, "bound");

    uint64_t capacity = record_host(p->record, 0)->capacity;

    plot_label(p, panel_y(&panel, (double)capacity), "small", size_format(capacity, text));
    plot_label(p, panel_y(&panel, 0), "small", "0");
}

/* Of all samples that the column stands for, a second. */
static double column_rate(const struct plot *p, enum means m, unsigned i)
{
    unsigned first = i + 1 > p->step ? i + 1 - p->step : 0;
    double sum = 0;
    double seconds =
        record_host(p->record, i)->t - record_host(p->record, first > 0 ? first - 1 : 0)->t;

    for (unsigned k = first; k <= i; k++) {
        double amount = movement_between(p->record, m, k, EVERY_GUEST);

        sum += movement_counts(m, amount) ? amount : 0;
    }
    return seconds > 0 ? sum / seconds : 0;
}

void plot_mechanism_panel(const struct plot *p, const struct panel *place, enum means m)
{
    struct panel panel = {.top = place->top, .height = place->height};
    g_autofree char *most = NULL;
    unsigned i = plot_first(p);

    do
        panel.high = MAX(panel.high, column_rate(p, m, i));
    while (plot_next(p, &i));
    draw_ground(p, &panel);
    plot_label(p, panel.top + panel.height - 8, "", means_name(m));
    if (panel.high <= 0)
        return;
    most = movement_format(m, panel.high);
    plot_label(p, panel.top + 6, "small", most);
    panel.high *= 1.05;
    i = plot_first(p);
    do {
        double rate = column_rate(p, m, i), y = panel_y(&panel, rate);
        double from = record_host(p->record, i > p->step ? i - p->step : 0)->t;

        if (rate > 0)
            svg_rect(p->svg, plot_x(p, from), y,
                     MAX(plot_x(p, record_host(p->record, i)->t) - plot_x(p, from), 0.5),
                     panel.top + panel.height - y, "act");
    } while (plot_next(p, &i));
}
