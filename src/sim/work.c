/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/work.h"

#include <glib.h>
#include <math.h>

#define PAGE_BYTES 4096.0

/* Each class of a Zipf set has so many times as many pages as the one before it. */
#define ZIPF_GROWTH 4.0

/* Sum of i^-skew for i in (from, to], by its integral. */
static double zipf_weight(double from, double to, double skew)
{
    if (fabs(skew - 1) < 1e-9)
        return log((to + 1) / (from + 1));
    return (pow(to + 1, 1 - skew) - pow(from + 1, 1 - skew)) / (1 - skew);
}

static void zipf_class(double from, double to, double pages, double skew, double touches,
                       struct work_class *ret)
{
    double part = zipf_weight(from, to, skew) / zipf_weight(0, pages, skew);

    ret->bytes = (uint64_t)((to - from) * PAGE_BYTES);
    ret->interval = part > 0 && touches > 0 ? (to - from) / (part * touches) : (double)INFINITY;
}

void work_zipf(uint64_t bytes, double skew, double touches, struct work_class *ret)
{
    double pages = floor((double)bytes / PAGE_BYTES), from = 0, to;
    unsigned n = skew > 0 ? WORK_CLASSES_MAX : 1;

    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++)
        ret[i] = (struct work_class){.interval = INFINITY};
    for (unsigned i = 0; i < n && from < pages; i++) {
        to = i + 1 == n ? pages : floor(pages / pow(ZIPF_GROWTH, n - 1 - i));
        if (to > from)
            zipf_class(from, to, pages, skew, touches, &ret[i]);
        from = to;
    }
}

void work_append(struct work *w, const struct work_step *step)
{
    w->steps = g_renew(struct work_step, w->steps, w->n + 1);
    w->steps[w->n++] = *step;
}

void work_clear(struct work *w)
{
    g_free(w->steps);
    *w = (struct work){0};
}
