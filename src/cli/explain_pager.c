/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain_parts.h"

#include <glib.h>
#include <inttypes.h>
#include <math.h>

/* How it stands, whatever its map says. */
static void tell_standing(struct sentences *s, const struct pager_info *p)
{
    static const struct meaning standings[] = {
        {"none", "none yet: the guest is not known well enough"},
        {"preparing", "its swap file is being allocated; it begins after that"},
        {"beginning", "is starting, and attaches to the guest"},
        {"serves", "serves the guest"},
        {"ending", "brings everything back, and ends after that"},
        {"missing", "has ended, though the guest needs one; another takes over"},
        {"refused", "refused: this guest can't have one, and is managed without"},
    };
    g_autofree char *process = NULL;

    if (p->pid != UNKNOWN_U64)
        process = g_strdup_printf(", process %" PRIu64, p->pid);
    tell(s, "pager", "%s%s%s%s%s", meaning_of(p->standing, standings, G_N_ELEMENTS(standings)),
         process ? process : "",
         also(is_word(p->phase, "parking"), "; parking: everything is being put out"),
         also(is_word(p->phase, "unparking"), "; unparking: everything is being brought back"),
         also(is_word(p->phase, "serving") && is_word(p->parked, "yes"),
              "; parked: all that the guest has not touched since is out"));
    if (p->error && *p->error)
        tell(s, "", "%s", p->error);
    if (is_word(p->evicting, "no"))
        tell(s, "",
             "it puts nothing out while that is so; what is out comes back when it is touched");
}

static void tell_places(struct sentences *s, const struct pager_info *p)
{
    char buf[5][TEXT_FIGURE_MAX];

    tell(s, "pages",
         "%s resident, %s zero, %s compressed, %s swapped, %s never touched or given back",
         text_size(p->resident, buf[0]), text_size(p->zero, buf[1]),
         text_size(p->compressed, buf[2]), text_size(p->swapped, buf[3]),
         text_size(p->absent, buf[4]));
    if (p->allowed != UNKNOWN_U64)
        tell(s, "", "the guest may occupy %s; what is above is put out",
             text_size(p->allowed, buf[0]));
    else
        tell(s, "", "the guest may occupy all that it touches");
    if (p->explain && *p->explain)
        tell(s, "", "%s", p->explain);
    tell(s, "cache", "%s of memory hold %s of pages (ratio %s), at most %s",
         text_size(p->cache_occupied, buf[0]), text_size(p->compressed, buf[1]),
         text_number(p->cache_ratio, buf[2]), text_size(p->cache_limit, buf[3]));
    tell(s, "swap file", "%s of %s used; writing %s/s, reading %s/s",
         text_size(p->swap_used, buf[0]), text_size(p->swap_size, buf[1]),
         text_size_rate(p->write_rate, buf[2]), text_size_rate(p->read_rate, buf[3]));
    tell(s, "moving", "%s/s out, %s/s in", text_size_rate(p->out_rate, buf[0]),
         text_size_rate(p->in_rate, buf[1]));
}

static void tell_faults(struct sentences *s, const struct pager_info *p)
{
    const struct {
        const char *from;
        const struct fault_info *f;
    } kinds[] = {
        {"the swap file", &p->from_swap},
        {"the cache", &p->from_cache},
        {"zero pages", &p->from_zero},
        {"first touches", &p->first},
    };
    const char *label = "waits";

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        char buf[3][TEXT_FIGURE_MAX];

        if (kinds[i].f->count == UNKNOWN_U64 || kinds[i].f->count == 0)
            continue;
        tell(s, label, "%s: %" PRIu64 " times, half of them within %s, 90 %% %s, 99 %% %s",
             kinds[i].from, kinds[i].f->count, text_latency(kinds[i].f->p50, buf[0]),
             text_latency(kinds[i].f->p90, buf[1]), text_latency(kinds[i].f->p99, buf[2]));
        label = "";
    }
    if (*label)
        tell(s, label, "the guest has not waited for a page so far");
}

static void tell_sampling(struct sentences *s, const struct pager_info *p)
{
    char buf[4][TEXT_FIGURE_MAX];

    if (isnan(p->sampled_active)) {
        tell(s, "touched", "not known yet: no window of samples is complete");
        return;
    }
    tell(s, "touched",
         "%.0f %% of resident memory in the last window of samples; working set %s in 1 s, %s in "
         "10 s, %s in 1 min, %s in 10 min",
         100 * p->sampled_active, text_size(p->ws_1s, buf[0]), text_size(p->ws_10s, buf[1]),
         text_size(p->ws_1min, buf[2]), text_size(p->ws_10min, buf[3]));
}

static void tell_trouble(struct sentences *s, const struct pager_info *p)
{
    if (p->held != UNKNOWN_U64) {
        tell(s, "held",
             "%" PRIu64 " pages can't be read back (%s; one at byte %" PRIu64
             " of its RAM): who touches them waits, no page is made up, and reading is tried again",
             p->held, text_or_dash(p->held_error), p->held_offset);
        if (is_word(p->stopped, "yes"))
            tell(s, "", "the guest was stopped for it, and goes on once all can be read");
    }
    if (p->io_errors != UNKNOWN_U64 && p->io_errors > 0)
        tell(s, "errors", "%" PRIu64 " reads or writes of the swap file have failed so far",
             p->io_errors);
    if (p->takeovers != UNKNOWN_U64 && p->takeovers > 0)
        tell(s, "takeovers", "%" PRIu64 ": so often a pager has died, and a new one gone on",
             p->takeovers);
}

void explain_pager(struct sentences *s, const struct pager_info *p)
{
    tell_standing(s, p);
    if (!p->phase) /* its map is not known */
        return;
    tell_places(s, p);
    tell_faults(s, p);
    tell_sampling(s, p);
    tell_trouble(s, p);
}
