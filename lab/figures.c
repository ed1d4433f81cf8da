/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/figures.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The first point that has gone @part of the way; for its beginning the last one that has gone
 * nearly none of it: what moves within one interval has moved in no less time. */
#define NEARLY_NONE 0.01

static size_t reaches(const struct point *points, size_t n, double part)
{
    double way = fabs(points[n - 1].value - points[0].value);
    bool begins = part < NEARLY_NONE;
    size_t i = 0;

    while (i + 1 < n &&
           fabs(points[i].value - points[0].value) < way * (begins ? NEARLY_NONE : part))
        i++;
    return begins && i > 0 ? i - 1 : i;
}

double figures_speed(const struct point *points, size_t n, double from, double to)
{
    size_t first, last;

    if (n < 2)
        return (double)NAN;
    first = reaches(points, n, from);
    last = reaches(points, n, to);
    if (last <= first || points[last].t <= points[first].t)
        return (double)NAN;
    return fabs(points[last].value - points[first].value) / (points[last].t - points[first].t);
}

double figures_miss_usec(double usec_without, double usec_with, double misses)
{
    return misses > 0 ? (usec_with - usec_without) / misses : (double)NAN;
}

/* Cramer's rule. */
void figures_two_kinds(struct losses first, struct losses second, double *ret_a, double *ret_b)
{
    double determinant = first.a * second.b - second.a * first.b;

    *ret_a = *ret_b = (double)NAN;
    if (determinant == 0)
        return;
    *ret_a = (first.usec * second.b - second.usec * first.b) / determinant;
    *ret_b = (first.a * second.usec - second.a * first.usec) / determinant;
}

void figures_line(double x1, double y1, double x2, double y2, double *ret_part, double *ret_rest)
{
    double slope = (y2 - y1) / (x2 - x1);

    *ret_part = fmax(slope, 0);
    *ret_rest = fmax(y1 - *ret_part * x1, 0);
}

void figure_add(struct figure *f, double value)
{
    if (isfinite(value) && value >= 0 && f->n < FIGURE_VALUES_MAX)
        f->values[f->n++] = value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The @part-th of its values in order. */
static double ordered(const struct figure *f, double part)
{
    double sorted[FIGURE_VALUES_MAX], place = part * (f->n - 1);
    unsigned below = (unsigned)place;

    if (f->n == 0)
        return (double)NAN;
    memcpy(sorted, f->values, f->n * sizeof(*sorted));
    qsort(sorted, f->n, sizeof(*sorted), compare);
    if (below + 1 >= f->n)
        return sorted[f->n - 1];
    return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

double figure_median(const struct figure *f)
{
    return ordered(f, 0.5);
}

double figure_least(const struct figure *f)
{
    return ordered(f, 0);
}

double figure_most(const struct figure *f)
{
    return ordered(f, 1);
}
