/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon gives figures, names, and the sentence of its decision; the rest is put into words
 * here. What the daemon does not know is said to be unknown, line by line, because that is often
 * the explanation.
 */
#include "cli/explain.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "cli/explain_pager.h"
#include "cli/info.h"

#define LABEL_WIDTH 12

/* A buffer for each figure of one sentence. */
struct figures {
    char buf[8][TEXT_FIGURE_MAX];
    unsigned used;
};

static const char *size(struct figures *f, uint64_t bytes)
{
    return text_size(bytes, f->buf[f->used++ % G_N_ELEMENTS(f->buf)]);
}

static const char *rate(struct figures *f, double bytes)
{
    return text_size_rate(bytes, f->buf[f->used++ % G_N_ELEMENTS(f->buf)]);
}

static const char *number(struct figures *f, double value)
{
    return text_number(value, f->buf[f->used++ % G_N_ELEMENTS(f->buf)]);
}

static const char *age(struct figures *f, double seconds)
{
    return text_age(seconds, f->buf[f->used++ % G_N_ELEMENTS(f->buf)]);
}

static const char *count(struct figures *f, uint64_t value)
{
    char *buf = f->buf[f->used++ % G_N_ELEMENTS(f->buf)];

    if (value == UNKNOWN_U64)
        return "-";
    g_snprintf(buf, TEXT_FIGURE_MAX, "%" PRIu64, value);
    return buf;
}

struct lines {
    GPtrArray *array;
    bool ascii;
};

static void add(struct lines *lines, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct lines *lines, const char *label, const char *format, ...)
{
    g_autofree char *text = NULL, *line = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    line = g_strdup_printf("%-*s%s", LABEL_WIDTH, label, text);
    g_ptr_array_add(lines->array, text_clean(line, lines->ascii));
}

static void add_verdict(struct lines *lines, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    if (!g->reason) {
        add(lines, "reason", "nothing has been decided yet");
        return;
    }
    add(lines, "reason", "%s, decided %s ago", g->reason, age(&f, g->decided_age));
    if (g->explain && *g->explain)
        add(lines, "", "%s", g->explain);
}

static void add_memory(struct lines *lines, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    add(lines, "memory", "size %s, granted %s (what the guest sees), resident %s, overhead %s",
        size(&f, g->size), size(&f, g->granted), size(&f, g->resident), size(&f, g->overhead));
    add(lines, "entitled", "%s to stay resident: by %s shares, reservation %s, limit %s%s",
        size(&f, g->entitled), count(&f, g->shares), size(&f, g->reservation), size(&f, g->limit),
        g->exempt && strcmp(g->exempt, "yes") == 0 ? "; exempt" : "");
}

static void add_activity(struct lines *lines, const struct guest_info *g)
{
    static const struct {
        const char *name, *meaning;
    } sources[] = {
        {"unknown", "nobody can tell, so all that is resident counts"},
        {"stats", "from the guest's statistics"},
        {"sampled", "from sampling the guest's pages"},
    };
    struct figures f = {.used = 0};
    const char *meaning = text_or_dash(g->activity_source);

    if (g->active == UNKNOWN_U64) {
        add(lines, "active", "not known");
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (g_strcmp0(g->activity_source, sources[i].name) == 0)
            meaning = sources[i].meaning;
    }
    add(lines, "active", "%s, %s: the largest of slow %s, fast %s, current %s", size(&f, g->active),
        meaning, size(&f, g->activity_slow), size(&f, g->activity_fast),
        size(&f, g->activity_current));
}

static void add_balloon(struct lines *lines, const struct guest_info *g)
{
    struct figures f = {.used = 0};
    const char *direction = "";

    if (!g->driver) {
        add(lines, "balloon", "not known");
        return;
    }
    if (g->balloon != UNKNOWN_U64 && g->balloon_target != UNKNOWN_U64) {
        if (g->balloon_target > g->balloon)
            direction = " (inflating)";
        else if (g->balloon_target < g->balloon)
            direction = " (deflating)";
    }
    add(lines, "balloon", "%s, target %s%s, at most %s; driver %s", size(&f, g->balloon),
        size(&f, g->balloon_target), direction, size(&f, g->balloon_max), text_or_dash(g->driver));
}

static void add_statistics(struct lines *lines, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    if (!g->trust) {
        add(lines, "statistics", "not known");
        return;
    }
    add(lines, "statistics", "%s, %s old: total %s, free %s, available %s, caches %s",
        text_or_dash(g->trust), age(&f, g->stats_age), size(&f, g->stats_total),
        size(&f, g->stats_free), size(&f, g->stats_available), size(&f, g->stats_caches));
    f.used = 0;
    add(lines, "paging",
        "swap-in %s/s, swap-out %s/s, major faults %s/s, OOM kills %s; guest swap %s",
        rate(&f, g->swap_in_rate), rate(&f, g->swap_out_rate), number(&f, g->major_fault_rate),
        count(&f, g->oom_kills), text_or_dash(g->guest_swap));
    if (*g->distress)
        add(lines, "distress", "%s, for %s", g->distress, age(&f, g->distress_age));
    else
        add(lines, "distress", "none");
}

static void add_machine(struct lines *lines, const struct guest_info *g)
{
    struct figures f = {.used = 0};
    const char *running = g_strcmp0(g->running, "yes") == 0  ? ", running"
                          : g_strcmp0(g->running, "no") == 0 ? ", not running"
                                                             : "";

    add(lines, "machine", "%s, pid %s, RAM %s, link %s%s", text_or_dash(g->vmm), count(&f, g->pid),
        text_or_dash(g->ram), text_or_dash(g->link), running);
    add(lines, "socket", "%s", text_or_dash(g->socket));
    if (g->error && *g->error)
        add(lines, "error", "%s", g->error);
}

/* What a pager lets a guest occupy may be without a bound. */
static const char *bound(struct figures *f, const char *mechanism, uint64_t bytes)
{
    return bytes == UINT64_MAX && g_strcmp0(mechanism, "swap") == 0 ? "all" : size(f, bytes);
}

static void add_decision(struct lines *lines, struct json_object *event)
{
    struct figures f = {.used = 0};
    char time[TEXT_FIGURE_MAX];
    const char *state = NULL, *mechanism = NULL, *reason = NULL, *text = NULL;
    uint64_t from = UNKNOWN_U64, to = UNKNOWN_U64;
    double seconds = UNKNOWN_DOUBLE;
    bool enacted = true;

    json_get_double(event, "time", &seconds);
    json_get_string(event, "state", &state);
    json_get_string(event, "mechanism", &mechanism);
    json_get_string(event, "reason", &reason);
    json_get_string(event, "text", &text);
    json_get_u64(event, "from", &from);
    json_get_u64(event, "to", &to);
    json_get_bool(event, "enacted", &enacted);
    add(lines, "", "%s  host %s: %s from %s to %s, %s%s", text_time(seconds, time),
        text_or_dash(state), text_or_dash(mechanism), bound(&f, mechanism, from),
        bound(&f, mechanism, to), text_or_dash(reason), enacted ? "" : " (not enacted)");
    if (text && *text)
        add(lines, "", "  %s", text);
}

static void add_decisions(struct lines *lines, struct json_object *decisions)
{
    struct json_object *events = json_get_array(decisions, "events");
    size_t all = events ? json_object_array_length(events) : 0;

    if (!decisions) {
        add(lines, "decisions", "not known");
        return;
    }
    if (all == 0) {
        add(lines, "decisions", "none so far");
        return;
    }
    add(lines, "decisions", "newest first");
    for (size_t i = 0; i < MIN(all, EXPLAIN_DECISIONS); i++)
        add_decision(lines, json_object_array_get_idx(events, all - 1 - i));
}

static void add_pager_line(void *data, const char *label, const char *text)
{
    add(data, label, "%s", text);
}

GPtrArray *explain_lines(struct json_object *guest, struct json_object *decisions, bool ascii)
{
    struct lines lines = {.array = g_ptr_array_new_with_free_func(g_free), .ascii = ascii};
    struct guest_info info;

    guest_info_read(&info, guest);
    add(&lines, "guest", "%s", text_or_dash(info.name));
    add_verdict(&lines, &info);
    add_memory(&lines, &info);
    add_activity(&lines, &info);
    add_balloon(&lines, &info);
    explain_pager(&info, add_pager_line, &lines);
    add_statistics(&lines, &info);
    add_machine(&lines, &info);
    add_decisions(&lines, decisions);
    return lines.array;
}
