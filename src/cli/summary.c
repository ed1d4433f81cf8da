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

static void state_line(GString *line, const struct host_info *host)
{
    char age[TEXT_FIGURE_MAX], uptime[TEXT_FIGURE_MAX];

    g_string_append_printf(line, "state %s for %s   mode %s   up %s", text_or_dash(host->state),
                           text_age(host->state_age, age), text_or_dash(host->mode),
                           text_age(host->uptime, uptime));
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
    append_size(line, "configured", host->configured);
    g_string_append_printf(
        line, "   overcommit %s   avg (1, 5, 15 min) %s %s %s", text_number(host->overcommit, now),
        text_number(host->overcommit_1m, avg[0]), text_number(host->overcommit_5m, avg[1]),
        text_number(host->overcommit_15m, avg[2]));
}

static void append_rate(GString *line, const char *label, double rate)
{
    char buf[TEXT_FIGURE_MAX];
    g_autofree char *figure = g_strconcat(text_size_rate(rate, buf), "/s", NULL);

    append_figure(line, label, figure);
}

static void pagers_line(GString *line, const struct host_info *host)
{
    char serving[TEXT_FIGURE_MAX] = "-", cache[TEXT_FIGURE_MAX];

    if (host->pagers != UNKNOWN_U64)
        g_snprintf(serving, sizeof(serving), "%" PRIu64, host->pagers);
    append_figure(line, "pagers", serving);
    append_size(line, "zero", host->zero);
    append_size(line, "compressed", host->compressed);
    g_string_append_printf(line, " in %s", text_size(host->cache, cache));
    append_size(line, "swapped", host->swapped);
    append_rate(line, "out", host->out_rate);
    append_rate(line, "in", host->in_rate);
}

char *summary_line(const struct host_info *host, unsigned line, bool ascii)
{
    static void (*const lines[SUMMARY_LINES])(GString *, const struct host_info *) = {
        state_line, memory_line, guests_line, pagers_line};
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
