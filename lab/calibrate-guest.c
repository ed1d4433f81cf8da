/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest alone, without a daemon. The balloon stands in for the host: what it gave is without host
 * memory when it comes back, and where it takes more than is free the guest swaps.
 */
#include <math.h>

#include "core/units.h"
#include "lab/calibrate.h"
#include "lab/loop.h"
#include "lab/monitor.h"
#include "lab/resident.h"
#include "lab/solo.h"
#include "scenario/error.h"

#define ROUNDS     3
#define BOOTS      2 /* of each size */
#define SIZE       (512 * MIB)
#define SET        (300 * MIB)
#define FILE_BYTES (120 * MIB)
/* What a balloon leaves of the guest: while it is idle, and to have a part of SET swapped. */
#define LEFT_IDLE (150 * MIB)
#define LEFT_FULL (280 * MIB)
#define SMALL     (160 * MIB)
#define LARGE     SIZE

#define WORK_SECONDS   3.0
#define SETTLE_SECONDS 1.0
#define MOVE_SECONDS   30.0 /* no balloon takes longer, nor a fill */
#define NEAR_BYTES     (2.0 * MIB)
#define PAGE_BYTES     4096.0

/* A measurement under way. */
struct probe {
    struct calibration *calibration;
    struct member member;
    struct monitor *monitor;
    double used, resident; /* when it had booted; bytes */
    GError **error;
};

static struct agent_report last(const struct probe *p)
{
    return *agent_last(p->member.agent);
}

static double seconds(const struct agent_report *r)
{
    return (double)r->received / 1e6;
}

static bool fail(const struct probe *p, const char *what)
{
    g_set_error(p->error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "calibration: %s", what);
    return false;
}

static bool order(struct probe *p, const char *text)
{
    g_autofree char *line = g_strconcat("at 0 ", text, NULL);
    struct phase phase;
    bool ok = phase_parse(line, false, &phase, p->error);

    if (!ok)
        return false;
    ok = solo_order(&p->member, &phase, p->error);
    phase_clear(&phase);
    return ok;
}

/* What a report is followed for. */
typedef double (*figure_fn)(const struct agent_report *r);

static double owned(const struct agent_report *r)
{
    return (double)r->owned;
}

static double operations(const struct agent_report *r)
{
    return (double)r->operations;
}

/* Follows @figure from report to report until it has grown by @way. */
static bool follow(struct probe *p, figure_fn figure, double way, GArray *points)
{
    gint64 begin = g_get_monotonic_time();
    struct agent_report now = last(p);
    struct point point = {.t = seconds(&now), .value = figure(&now)};
    double goal = point.value + way;

    g_array_append_val(points, point);
    while (point.value < goal) {
        if (loop_since(begin) > MOVE_SECONDS)
            return fail(p, "the guest does not get on");
        if (!solo_serve(&p->member, p->error))
            return false;
        now = last(p);
        if (seconds(&now) <= point.t)
            continue;
        point = (struct point){.t = seconds(&now), .value = figure(&now)};
        g_array_append_val(points, point);
    }
    return true;
}

static double speed(const GArray *points)
{
    return figures_speed((const struct point *)(const void *)points->data, points->len, 0.1, 0.9);
}

/* Gives @text and returns how fast @figure grows by @way; NAN: an error. */
static double speed_of(struct probe *p, const char *text, figure_fn figure, double way)
{
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(struct point));

    return order(p, text) && follow(p, figure, way, points) ? speed(points) : (double)NAN;
}

/* Sets the balloon, and returns how fast it moved; NAN: an error. */
static double move_balloon(struct probe *p, double visible)
{
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(struct point));
    gint64 begin = g_get_monotonic_time();
    uint64_t actual = 0;

    if (!monitor_set_balloon(p->monitor, (uint64_t)visible, p->error))
        return (double)NAN;
    do {
        struct point point;

        if (loop_since(begin) > MOVE_SECONDS)
            return fail(p, "the guest's balloon does not get on") ? 0 : (double)NAN;
        if (!monitor_get_balloon(p->monitor, &actual, p->error))
            return (double)NAN;
        point = (struct point){.t = loop_since(begin), .value = (double)actual};
        g_array_append_val(points, point);
        if (!solo_serve(&p->member, p->error))
            return (double)NAN;
    } while (fabs((double)actual - visible) > NEAR_BYTES);
    return speed(points);
}

/* Microseconds an operation takes; NAN: an error. */
static double work(struct probe *p, const char *text, double settle)
{
    struct agent_report before, after;

    if (!order(p, text) || !solo_serve_seconds(&p->member, settle, p->error))
        return (double)NAN;
    before = last(p);
    if (!solo_serve_seconds(&p->member, WORK_SECONDS, p->error))
        return (double)NAN;
    after = last(p);
    return (seconds(&after) - seconds(&before)) * 1e6 / (operations(&after) - operations(&before));
}

static void add(struct probe *p, const char *name, double value)
{
    calibration_add(p->calibration, name, value);
}

/* Taking memory, with and without host memory behind it. */
static bool measure_memory(struct probe *p)
{
    double inflate = move_balloon(p, LEFT_IDLE), deflate = move_balloon(p, SIZE), fresh, again;

    if (isnan(inflate) || isnan(deflate))
        return false;
    add(p, "inflate_rate", inflate);
    add(p, "deflate_rate", deflate);
    fresh = speed_of(p, "fill 300M random", owned, SET);
    if (isnan(fresh) || !order(p, "free") ||
        !solo_serve_seconds(&p->member, SETTLE_SECONDS, p->error))
        return false;
    again = speed_of(p, "fill 300M random", owned, SET);
    if (isnan(again))
        return false;
    add(p, "fill_rate", again);
    add(p, "first_touch_usec", (PAGE_BYTES / fresh - PAGE_BYTES / again) * 1e6);
    return true;
}

/* Using it, all there; then with a part of it in the guest's swap. */
static bool measure_touch(struct probe *p)
{
    double reads = work(p, "touch 300M", SETTLE_SECONDS);
    double writes = work(p, "touch 300M writes=1", SETTLE_SECONDS);

    if (isnan(reads) || isnan(writes))
        return false;
    add(p, "touch_usec", reads);
    add(p, "write_usec", writes - reads);
    return true;
}

static bool measure_swap(struct probe *p)
{
    struct agent_report before, after;
    double out, alone = work(p, "touch 300M", SETTLE_SECONDS), with;

    if (isnan(alone) || !order(p, "idle"))
        return false;
    out = move_balloon(p, LEFT_FULL);
    if (isnan(out))
        return false;
    add(p, "guest_swap_out_rate", out);
    with = work(p, "touch 300M", SETTLE_SECONDS);
    before = last(p);
    if (isnan(with) || !solo_serve_seconds(&p->member, WORK_SECONDS, p->error))
        return false;
    after = last(p);
    add(p, "guest_swap_in_usec",
        figures_miss_usec(alone, with,
                          (double)(after.pgmajfault - before.pgmajfault) /
                              (double)(after.operations - before.operations)));
    return order(p, "free") && !isnan(move_balloon(p, SIZE));
}

/* A file that is in the page cache, and one that has to be read. */
static bool measure_file(struct probe *p)
{
    double again = work(p, "stream 120M", SETTLE_SECONDS * 3), first;

    if (isnan(again) || !order(p, "drop-caches") ||
        !solo_serve_seconds(&p->member, SETTLE_SECONDS, p->error))
        return false;
    first = speed_of(p, "stream 120M", operations, FILE_BYTES / PAGE_BYTES);
    if (isnan(first))
        return false;
    add(p, "file_reread_usec", again);
    add(p, "file_read_usec", 1e6 / first);
    return order(p, "drop-caches");
}

static bool measure_all(struct probe *p)
{
    if (!agent_order(p->member.agent, "{\"report_ms\": 50}"))
        return fail(p, "the guest does not take orders");
    for (int i = 0; i < ROUNDS; i++)
        if (!measure_memory(p) || !measure_touch(p) || !measure_swap(p) || !measure_file(p))
            return false;
    return true;
}

/* Boots a guest of @size, and does @measure with it. */
static bool with_guest(struct probe *p, uint64_t size, bool (*measure)(struct probe *p))
{
    const char *directory = p->calibration->directory;
    const struct member_places places = {.sockets = directory, .directory = directory};
    struct scenario_guest *spec = scenario_guest_new("measured");
    bool ok;

    spec->size = size;
    spec->swap = SIZE;
    spec->disk = 2 * FILE_BYTES;
    member_init(&p->member, spec);
    ok = solo_boot(&p->member, &places, p->error);
    if (ok)
        p->monitor = monitor_open(p->member.monitor, p->error);
    ok = ok && p->monitor && measure(p);
    g_clear_pointer(&p->monitor, monitor_close);
    member_deinit(&p->member);
    scenario_guest_free(spec);
    return ok;
}

/* What it uses and occupies before it does anything. */
static bool measure_boot(struct probe *p)
{
    if (!solo_serve_seconds(&p->member, SETTLE_SECONDS, p->error))
        return false;
    p->used = (double)(p->member.spec->size - last(p).mem_available);
    p->resident = (double)resident_look(lab_vm_pid(p->member.vm), p->member.spec->size).bytes;
    return true;
}

/* Two sizes make a line. Neither is above 512M: from there on Linux keeps more free (khugepaged),
 * which the simulator knows. */
static bool measure_base(struct calibration *c, GError **error)
{
    struct probe small = {.calibration = c, .error = error}, large = small;
    double part, rest;

    if (!with_guest(&small, SMALL, measure_boot) || !with_guest(&large, LARGE, measure_boot))
        return false;
    figures_line(SMALL, small.used, LARGE, large.used, &part, &rest);
    calibration_add(c, "guest_base", part);
    calibration_add(c, "guest_base_bytes", rest);
    figures_line(SMALL, small.resident, LARGE, large.resident, &part, &rest);
    calibration_add(c, "boot_resident", part);
    calibration_add(c, "boot_resident_bytes", rest);
    return true;
}

bool calibrate_guest(struct calibration *c, GError **error)
{
    struct probe probe = {.calibration = c, .error = error};

    for (int i = 0; i < BOOTS; i++)
        if (!measure_base(c, error))
            return false;
    return with_guest(&probe, SIZE, measure_all);
}
