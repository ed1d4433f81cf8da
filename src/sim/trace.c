/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each line becomes a step of its guest's work, in force until the guest's next line. "Used within
 * a window" becomes classes of reuse: what was used within 10 s but not within 1 s is used again
 * after about the geometric mean of both; the first class after half its window. What was not used
 * within the longest window is not used again.
 *
 * Left out of what a trace could tell: the guest's own swapping (that is the simulator's to find
 * out), and files that are read once but did not stay in the page cache.
 */
#include "sim/trace.h"

#include <math.h>
#include <string.h>

#include "scenario/error.h"
#include "sim/trace_columns.h"

/* Where nothing is said of what is used, all that is owned is, within this window (a minute). */
#define DEFAULT_WINDOW 2

/* Times from here on are dates (September 2001), and the trace begins with its first line. */
#define DATES_FROM (UINT64_C(1000000000) * USEC_PER_SEC)

/* A guest's name, and the present life of the guest. */
struct name {
    char *name;
    unsigned lives;
    size_t guest; /* index of the present one */
    bool alive;
    struct trace_cells cells; /* of its last line */
    uint64_t cold;            /* page cache that was read and not used again */
};

struct loader {
    struct trace_csv csv;
    struct trace_header header;
    GHashTable *names; /* struct name */
    GArray *guests;    /* struct sim_guest_spec, without work... */
    GPtrArray *work;   /* ...which is here: GArray of struct work_step */
    usec_t origin, last;
    uint64_t rows;
};

static void name_free(void *data)
{
    struct name *n = data;

    g_free(n->name);
    g_free(n);
}

static double interval_of(unsigned window)
{
    if (window == 0)
        return TRACE_WINDOW_SECONDS[0] / 2;
    return sqrt(TRACE_WINDOW_SECONDS[window - 1] * TRACE_WINDOW_SECONDS[window]);
}

/* What a window says nothing of is as in the one before it. */
static bool make_classes(const struct trace_csv *csv, const char *what, const uint64_t *used,
                         uint64_t most, struct work_class *ret, GError **error)
{
    uint64_t before = 0;

    for (unsigned i = 0; i < TRACE_WINDOWS; i++) {
        ret[i] = (struct work_class){.interval = interval_of(i)};
        if (used[i] == TRACE_UNKNOWN)
            continue;
        if (used[i] < before || used[i] > most)
            return trace_csv_fail(csv, NULL, error,
                                  "what is used of %s grows with the window, up to all of it",
                                  what);
        ret[i].bytes = used[i] - before;
        before = used[i];
    }
    return true;
}

static bool says_nothing(const uint64_t *used)
{
    for (unsigned i = 0; i < TRACE_WINDOWS; i++)
        if (used[i] != TRACE_UNKNOWN)
            return false;
    return true;
}

static uint64_t all_used(const struct work_class *classes)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < TRACE_WINDOWS; i++)
        sum += classes[i].bytes;
    return sum;
}

static bool make_step(struct loader *l, struct name *n, const struct trace_cells *cells,
                      struct work_step *step, GError **error)
{
    uint64_t used[TRACE_WINDOWS], cold;

    memcpy(used, cells->used, sizeof(used));
    if (says_nothing(used))
        used[DEFAULT_WINDOW] = cells->owned;
    *step = (struct work_step){.at = cells->time - l->origin,
                               .own = cells->owned,
                               .content = cells->content,
                               .writes = cells->writes,
                               .threads = (unsigned)u64_min(cells->threads, 1024)};
    if (!make_classes(&l->csv, "owned", used, cells->owned, step->anon, error) ||
        !make_classes(&l->csv, "cache", cells->cache_used, cells->cache, step->cache, error))
        return false;
    cold = cells->cache - all_used(step->cache);
    step->cold_cache = u64_sub(cold, n->cold);
    n->cold = cold;
    step->demand = cells->demand;
    if (step->demand < 0)
        step->demand = all_used(step->anon) + all_used(step->cache) > 0 ? 1 : 0;
    step->counts = step->demand > 0;
    step->ops = step->counts ? 1 : 0;
    return true;
}

static struct sim_guest_spec spec_of(const struct trace_cells *cells, const char *name,
                                     usec_t start)
{
    const struct trace_settings *s = &cells->settings;

    return (struct sim_guest_spec){
        .name = name,
        .size = cells->size,
        .min = s->min,
        .settings = {.shares = s->shares,
                     .reservation = s->reservation,
                     .limit = s->limit,
                     .exempt = s->exempt},
        .ram = (enum sim_ram)s->ram,
        .balloon = (enum sim_balloon)s->balloon,
        .stats = (enum sim_stats)s->stats,
        .deflate_on_oom = s->deflate_on_oom,
        .free_page_reporting = s->free_page_reporting,
        .pager = s->pager,
        .share = s->share,
        .swap = s->swap,
        .vcpus = (unsigned)u64_min(s->vcpus, 1024),
        .start = start,
        .end = USEC_NEVER,
    };
}

/* The line is the first of a life of the guest. */
static bool begin_life(struct loader *l, struct name *n, const struct trace_cells *cells,
                       GError **error)
{
    struct sim_guest_spec spec;

    if (cells->size == TRACE_UNKNOWN)
        return trace_csv_fail(&l->csv, "size", error, "a guest's first line must have it");
    if (l->guests->len >= TRACE_GUESTS_MAX)
        return trace_csv_fail(&l->csv, NULL, error, "more than %u guests", TRACE_GUESTS_MAX);
    n->lives++;
    n->alive = true;
    n->cold = 0;
    n->guest = l->guests->len;
    spec = spec_of(cells,
                   n->lives == 1 ? g_strdup(n->name) : g_strdup_printf("%s.%u", n->name, n->lives),
                   cells->time - l->origin);
    g_array_append_val(l->guests, spec);
    g_ptr_array_add(l->work, g_array_new(FALSE, FALSE, sizeof(struct work_step)));
    return true;
}

static bool same_settings(const struct trace_settings *a, const struct trace_settings *b)
{
    return a->min == b->min && a->shares == b->shares && a->reservation == b->reservation &&
           a->limit == b->limit && a->swap == b->swap && a->vcpus == b->vcpus && a->ram == b->ram &&
           a->balloon == b->balloon && a->stats == b->stats && a->exempt == b->exempt &&
           a->pager == b->pager && a->share == b->share && a->deflate_on_oom == b->deflate_on_oom &&
           a->free_page_reporting == b->free_page_reporting;
}

static bool same_life(struct loader *l, const struct name *n, const struct trace_cells *cells,
                      GError **error)
{
    if (cells->size != n->cells.size)
        return trace_csv_fail(&l->csv, "size", error,
                              "a guest has one size for all its life; 0 ends it");
    if (!same_settings(&cells->settings, &n->cells.settings))
        return trace_csv_fail(&l->csv, NULL, error,
                              "a guest's settings stand in its first line; they can't change");
    return true;
}

static void end_life(struct loader *l, struct name *n, usec_t time)
{
    if (n->alive)
        g_array_index(l->guests, struct sim_guest_spec, n->guest).end = time - l->origin;
    n->alive = false;
}

/* @cells: what is known of the guest with this line. */
static bool take_line(struct loader *l, struct name *n, const struct trace_cells *cells,
                      GError **error)
{
    struct work_step step;

    if (cells->size == 0) {
        end_life(l, n, cells->time);
        return true;
    }
    if (!(n->alive ? same_life(l, n, cells, error) : begin_life(l, n, cells, error)) ||
        !make_step(l, n, cells, &step, error))
        return false;
    g_array_append_val((GArray *)g_ptr_array_index(l->work, n->guest), step);
    return true;
}

static struct name *find_name(struct loader *l, const char *guest)
{
    struct name *n = g_hash_table_lookup(l->names, guest);

    if (n)
        return n;
    n = g_new0(struct name, 1);
    n->name = g_strdup(guest);
    n->cells = TRACE_CELLS_DEFAULT;
    g_hash_table_insert(l->names, n->name, n);
    return n;
}

static bool check_time(struct loader *l, const struct name *n, usec_t time, GError **error)
{
    if (l->rows == 0)
        l->origin = time >= DATES_FROM ? time : 0;
    if (time < l->origin)
        return trace_csv_fail(&l->csv, "time", error, "it is before that of the first line");
    if (n->lives > 0 && time <= n->cells.time)
        return trace_csv_fail(&l->csv, "time", error,
                              "it is not after that of the guest's last line");
    if (time - l->origin > TRACE_LENGTH_MAX)
        return trace_csv_fail(&l->csv, "time", error, "a trace has %u days at most",
                              (unsigned)(TRACE_LENGTH_MAX / USEC_PER_SEC / 86400));
    if (++l->rows > TRACE_ROWS_MAX)
        return trace_csv_fail(&l->csv, NULL, error, "more than %u lines", TRACE_ROWS_MAX);
    l->last = u64_max(l->last, time);
    return true;
}

static bool read_line(struct loader *l, GError **error)
{
    struct trace_cells cells = TRACE_CELLS_DEFAULT;
    struct name *n;

    if (!trace_line_key(&l->header, &l->csv, &cells, error))
        return false;
    n = find_name(l, cells.guest);
    if (!check_time(l, n, cells.time, error))
        return false;
    if (n->alive) {
        usec_t time = cells.time;

        cells = n->cells;
        cells.time = time;
    }
    if (!trace_line_read(&l->header, &l->csv, &cells, error) || !take_line(l, n, &cells, error))
        return false;
    n->cells = cells;
    return true;
}

static bool read_all(struct loader *l, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (!trace_csv_next(&l->csv, &why) || !trace_header_read(&l->header, &l->csv, &why)) {
        if (!why)
            return scenario_fail(error, "%s: it is empty: no line with the columns' names",
                                 l->csv.path);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    while (trace_csv_next(&l->csv, &why))
        if (!read_line(l, error))
            return false;
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    if (l->last <= l->origin)
        return scenario_fail(error, "%s: it ends with its last line: lines of two times are needed",
                             l->csv.path);
    return true;
}

/* What was read becomes the trace. */
static struct trace *take_all(struct loader *l)
{
    struct trace *t = g_new0(struct trace, 1);

    t->n = l->guests->len;
    t->length = l->last - l->origin;
    for (size_t i = 0; i < t->n; i++) {
        struct work *work = &g_array_index(l->guests, struct sim_guest_spec, i).work;

        work->n = ((GArray *)g_ptr_array_index(l->work, i))->len;
        work->steps =
            (struct work_step *)(void *)g_array_free(g_ptr_array_index(l->work, i), FALSE);
    }
    t->guests = (struct sim_guest_spec *)(void *)g_array_free(l->guests, FALSE);
    return t;
}

static void drop_all(struct loader *l)
{
    for (unsigned i = 0; i < l->guests->len; i++) {
        g_free((char *)(uintptr_t)g_array_index(l->guests, struct sim_guest_spec, i).name);
        g_array_unref(g_ptr_array_index(l->work, i));
    }
    g_array_unref(l->guests);
}

struct trace *trace_load(const char *path, GError **error)
{
    struct loader l = {.names = NULL};
    struct trace *t = NULL;

    if (!trace_csv_open(&l.csv, path, error))
        return NULL;
    l.names = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, name_free);
    l.guests = g_array_new(FALSE, FALSE, sizeof(struct sim_guest_spec));
    l.work = g_ptr_array_new();
    if (read_all(&l, error))
        t = take_all(&l);
    else
        drop_all(&l);
    g_ptr_array_unref(l.work);
    g_hash_table_unref(l.names);
    trace_csv_close(&l.csv);
    return t;
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < t->n; i++) {
        work_clear(&t->guests[i].work);
        g_free((char *)(uintptr_t)t->guests[i].name);
    }
    g_free(t->guests);
    g_free(t);
}
