/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/summary.h"

#include <inttypes.h>

static void append_figure(GString *line, const char *label, const char *figure)
{
    g_string_append_printf(line, "%s%s %s", line->len > 0 ? "   " : "", label, figure);
}

static void append_size(GString *line, const char *label, uint64_t bytes)
{
    char buf[TEXT_FIGURE_MAX];

    append_figure(line, label, text_size(bytes, buf));
}

static void append_count(GString *line, const char *label, uint64_t count)
{
    char buf[TEXT_FIGURE_MAX] = "-";

    if (count != UNKNOWN_U64)
        g_snprintf(buf, sizeof(buf), "%" PRIu64, count);
    append_figure(line, label, buf);
}

static void append_rate(GString *line, const char *label, double rate)
{
    char buf[TEXT_FIGURE_MAX];
    g_autofree char *figure = g_strconcat(text_size_rate(rate, buf), "/s", NULL);

    append_figure(line, label, figure);
}

/* How far it is to the next worse state, and back to the best one. */
static void append_distances(GString *line, const struct host_info *host)
{
    int state = host_info_state(host);
    char buf[TEXT_FIGURE_MAX];
    uint64_t mark;

    if (state < 0 || host->free == UNKNOWN_U64)
        return;
    mark = state + 1 < STATES ? host->marks[state + 1] : UNKNOWN_U64;
    if (mark != UNKNOWN_U64)
        g_string_append_printf(line, "   %s above %s",
                               text_size(host->free - MIN(mark, host->free), buf),
                               STATE_NAMES[state + 1]);
    mark = host->marks[STATE_HIGH];
    if (state != STATE_HIGH && mark != UNKNOWN_U64)
        g_string_append_printf(line, "   %s below high",
                               text_size(mark - MIN(mark, host->free), buf));
}

static void state_line(GString *line, const struct host_info *host)
{
    char buf[TEXT_FIGURE_MAX];

    g_string_append_printf(line, "state %s for %s", text_or_dash(host->state),
                           text_age(host->state_age, buf));
    append_distances(line, host);
    append_figure(line, "mode", text_or_dash(host->mode));
    append_figure(line, "up", text_age(host->uptime, buf));
}

/* All of them in order: the free memory below which each begins, and the time spent in it. */
static void states_line(GString *line, const struct host_info *host)
{
    int state = host_info_state(host);

    for (int i = 0; i < STATES; i++) {
        char mark[TEXT_FIGURE_MAX], spent[TEXT_FIGURE_MAX];
        bool begins = i != STATE_HIGH && host->marks[i] != UNKNOWN_U64;

        g_string_append_printf(line, "%s%s%s%s%s %s%s", i > 0 ? "   " : "", i == state ? "[" : "",
                               STATE_NAMES[i], begins ? " <" : "",
                               begins ? text_size(host->marks[i], mark) : "",
                               text_age(host->state_seconds[i], spent), i == state ? "]" : "");
    }
}

static void memory_line(GString *line, const struct host_info *host)
{
    append_size(line, "capacity", host->capacity);
    append_size(line, "resident", host->resident);
    append_size(line, "free", host->free);
    append_size(line, "minfree", host->minfree);
    append_size(line, "ballooned", host->ballooned);
    append_size(line, "overhead", host->overhead);
}

static void guests_line(GString *line, const struct host_info *host)
{
    char up[TEXT_FIGURE_MAX] = "-", all[TEXT_FIGURE_MAX] = "-";
    char now[TEXT_FIGURE_MAX], avg[3][TEXT_FIGURE_MAX];

    if (host->guests_up != UNKNOWN_U64)
        g_snprintf(up, sizeof(up), "%" PRIu64, host->guests_up);
    if (host->guests != UNKNOWN_U64)
        g_snprintf(all, sizeof(all), "%" PRIu64, host->guests);
    g_string_append_printf(line, "guests %s up of %s", up, all);
    append_count(line, "blocked", host->blocked);
    append_size(line, "configured", host->configured);
    g_string_append_printf(
        line, "   overcommit %s   avg (1, 5, 15 min) %s %s %s", text_number(host->overcommit, now),
        text_number(host->overcommit_1m, avg[0]), text_number(host->overcommit_5m, avg[1]),
        text_number(host->overcommit_15m, avg[2]));
}

static void pagers_line(GString *line, const struct host_info *host)
{
    char cache[TEXT_FIGURE_MAX];

    append_count(line, "pagers", host->pagers);
    append_size(line, "zero", host->zero);
    append_size(line, "compressed", host->compressed);
    g_string_append_printf(line, " in %s", text_size(host->cache, cache));
    append_size(line, "swapped", host->swapped);
    append_rate(line, "out", host->out_rate);
    append_rate(line, "in", host->in_rate);
}

static void sharing_line(GString *line, const struct host_info *host)
{
    const struct host_sharing_info *s = &host->sharing;
    const char *why = s->blocker ? s->blocker : s->explain;
    char buf[TEXT_FIGURE_MAX];

    if (!s->supported) {
        append_figure(line, "sharing", "-");
        return;
    }
    append_figure(line, "sharing",
                  g_strcmp0(s->supported, "no") == 0 ? "impossible"
                  : g_strcmp0(s->run, "yes") == 0    ? "on"
                                                     : "off");
    append_size(line, "saved", s->saved);
    append_size(line, "shared", s->shared);
    append_figure(line, "domain", text_or_dash(s->domain));
    g_string_append_printf(line, "   scan %s pages/s", text_number(s->rate, buf));
    append_figure(line, "cpu", text_part(s->cpu, buf));
    if (s->reason)
        g_string_append_printf(line, "   %s", s->reason);
    if (why && *why)
        g_string_append_printf(line, ": %s", why);
}

static void swap_line(GString *line, const struct host_info *host)
{
    const struct swap_pool_info *p = &host->swap_pool;
    char buf[TEXT_FIGURE_MAX];

    if (!p->managed) {
        append_figure(line, "swap pool", "none");
        return;
    }
    append_size(line, "swap pool", p->own);
    append_size(line, "needed", p->needed);
    g_string_append_printf(line, " of %s", text_size(p->counted, buf));
    append_size(line, "could grow", p->could_grow);
    append_size(line, "used", p->used);
    g_string_append_printf(line, " of %s", text_size(p->size, buf));
    if (g_strcmp0(p->zswap, "yes") == 0) {
        append_size(line, "zswap", p->zswap_payload);
        g_string_append_printf(line, " in %s", text_size(p->zswap_pool, buf));
    } else {
        append_figure(line, "zswap", g_strcmp0(p->zswap, "no") == 0 ? "off" : "-");
    }
    if (g_strcmp0(p->growing, "yes") == 0)
        g_string_append(line, "   growing");
    if (p->error && *p->error)
        g_string_append_printf(line, "   %s", p->error);
}

char *summary_line(const struct host_info *host, unsigned line, bool ascii)
{
    static void (*const lines[SUMMARY_LINES])(GString *, const struct host_info *) = {
        state_line, states_line, memory_line, guests_line, pagers_line, sharing_line, swap_line,
    };
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert(line < SUMMARY_LINES);
    lines[line](text, host);
    return text_clean(text->str, ascii);
}

void summary_append(GString *out, const struct host_info *host)
{
    for (unsigned i = 0; i < SUMMARY_LINES; i++) {
        g_autofree char *line = summary_line(host, i, false);

        g_string_append_printf(out, "%s\n", line);
    }
}
