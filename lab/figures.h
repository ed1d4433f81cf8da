/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of the calibration: what counts that were read at certain times say about costs.
 * Pure. NAN stands for what can't be told; it is never a figure.
 */
#pragma once

#include <stddef.h>

/* What was read of something that moves, in order of time. */
struct point {
    double t, value; /* seconds, anything */
};

/* How fast it went, a second, between the parts @from and @to of its whole way (0 to 1): the
 * middle of a movement, without its beginning and its end. */
double figures_speed(const struct point *points, size_t n, double from, double to);

/* Microseconds by which an operation takes longer that misses, from the times of operations without
 * and with so many misses each. */
double figures_miss_usec(double usec_without, double usec_with, double misses);

/* Time lost in a window, by two kinds of misses in two runs: what one of each kind takes. */
struct losses {
    double usec; /* for each operation */
    double a, b; /* misses for each operation */
};
void figures_two_kinds(struct losses first, struct losses second, double *ret_a, double *ret_b);

/* Part and rest of a line through (x1, y1) and (x2, y2): y = part * x + rest, neither below 0. */
void figures_line(double x1, double y1, double x2, double y2, double *ret_part, double *ret_rest);

#define FIGURE_VALUES_MAX 64

/* Several measurements of the same. */
struct figure {
    double values[FIGURE_VALUES_MAX];
    unsigned n;
};

/* What is not finite or negative is left out, and so is what is too much. */
void figure_add(struct figure *f, double value);
double figure_median(const struct figure *f);
double figure_least(const struct figure *f);
double figure_most(const struct figure *f);
