/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/summary.h"

#include <math.h>
#include <stdio.h>

#include "base/size.h"
#include "scenario/measure.h"
#include "scenario/timeline.h"

static const char *fate(const struct guest_outcome *o, const struct guest_sample *last)
{
    if (o->panicked)
        return "kernel panic";
    if (o->died)
        return "QEMU died";
    if (o->asked_to_end)
        return "ended as asked";
    return last->alive ? "alive" : "never started";
}

static void print_guest(const struct record *r, unsigned g)
{
    const struct guest_sample *last = record_last(r, g);
    const struct relief relief = measure_relief(r, g);
    double relative = measure_relative(r, g);
    char owned[SIZE_TEXT_MAX], balloon[SIZE_TEXT_MAX];

    printf("  %-12s %12" G_GUINT64_FORMAT " ops", scenario_guest(r->scenario, g)->name,
           (guint64)last->report.operations);
    if (isfinite(relative))
        printf(" (%.0f %% of alone)", relative * 100);
    printf(", owned at most %s, largest balloon %s, wrong pages %" G_GUINT64_FORMAT
           ", OOM kills %" G_GUINT64_FORMAT ", %s",
           size_format(measure_owned(r, g, 0, INFINITY), owned),
           size_format(measure_largest_balloon(r, g), balloon), (guint64)last->report.wrong_pages,
           (guint64)last->report.oom_kill, fate(&r->outcomes[g], last));
    if (relief.sign >= 0 && isfinite(relief.relief))
        printf(", starved at %.1f s, relief after %.1f s", relief.sign,
               relief.relief - relief.sign);
    else if (relief.sign >= 0)
        printf(", starved at %.1f s, no relief", relief.sign);
    printf("\n");
}

/* Only where it has one. */
static void print_pager(const struct record *r, unsigned g)
{
    const struct pager_sample p = measure_pager(r, g);
    char most[SIZE_TEXT_MAX], out[SIZE_TEXT_MAX], in[SIZE_TEXT_MAX];

    if (!p.known)
        return;
    printf("  %-12s put out %s and brought back %s, at most %s out at a time; %" G_GUINT64_FORMAT
           " faults, half of them within %.0f us, 99 of 100 within %.0f us",
           "", size_format(p.evicted, out), size_format(p.loaded, in),
           size_format(measure_out(r, g, 0, INFINITY), most), (guint64)p.faults, p.fault_p50_usec,
           p.fault_p99_usec);
    if (r->outcomes[g].pager_kills > 0 || p.takeovers > 0)
        printf("; pager killed %u times, taken over %" G_GUINT64_FORMAT " times",
               r->outcomes[g].pager_kills, (guint64)p.takeovers);
    if (p.io_errors > 0)
        printf("; %" G_GUINT64_FORMAT " I/O errors", (guint64)p.io_errors);
    printf("\n");
}

/* Only where the kernel has put something out. */
static void print_kernel(const struct record *r, unsigned g)
{
    const struct kernel_sample *k = &record_last(r, g)->kernel;
    char out[SIZE_TEXT_MAX], in[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];

    if (scenario_guest(r->scenario, g)->ram != GUEST_RAM_PRIVATE ||
        measure_out(r, g, 0, INFINITY) == 0)
        return;
    printf("  %-12s the kernel put out %s and brought back %s, at most %s out at a time\n", "",
           size_format(k->out, out), size_format(k->in, in),
           size_format(measure_out(r, g, 0, INFINITY), most));
}

/* Only where it lost any. */
static void print_lost(const struct record *r, unsigned g)
{
    const struct guest_sample *last = record_last(r, g);

    if (last->lost > 0)
        printf("  %-12s lost %.1f s waiting for memory, %.1f s of it held\n", "", last->lost,
               last->blocked.seconds);
}

static void print_moved(const struct record *r)
{
    struct moved moved = measure_moved(r);
    uint64_t ideal = measure_ideal(r);
    char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], c[SIZE_TEXT_MAX];

    printf("Moved: %s inflated, %s deflated; the ideal would have moved %s",
           size_format(moved.inflated, a), size_format(moved.deflated, b), size_format(ideal, c));
    if (ideal > 0)
        printf(" (ratio %.2f)", (double)(moved.inflated + moved.deflated) / (double)ideal);
    printf(".\n");
}

static void print_overshoot(const struct record *r)
{
    struct overshoot o = measure_overshoot(r);
    char worst[SIZE_TEXT_MAX];

    if (o.worst == 0)
        printf("The guests never occupied more than the capacity.\n");
    else
        printf("Over capacity for %.1f s, at most by %s.\n", o.seconds,
               size_format(o.worst, worst));
}

void summary_print(const struct record *r)
{
    if (r->hosts->len == 0)
        return;
    printf("\nSummary: %s\n", r->scenario->title);
    for (unsigned g = 0; g < r->guests; g++) {
        print_guest(r, g);
        print_pager(r, g);
        print_kernel(r, g);
        print_lost(r, g);
    }
    print_moved(r);
    if (r->period > 0)
        timeline_print(r);
    print_overshoot(r);
}
