/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain_pager.h"

#include <glib.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

struct teller {
    const struct pager_info *p;
    explain_fn add;
    void *data;
};

static void tell(const struct teller *t, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(const struct teller *t, const char *label, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    t->add(t->data, label, text);
}

/* "; one more clause" where it holds. */
static const char *also(bool holds, const char *clause)
{
    return holds ? clause : "";
}

static bool is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

/* How it stands, whatever its map says. */
static void tell_standing(const struct teller *t)
{
    static const struct {
        const char *standing, *sentence;
    } sentences[] = {
        {"none", "none yet: the guest is not known well enough"},
        {"preparing", "its swap file is being allocated; it begins after that"},
        {"beginning", "is starting, and attaches to the guest"},
        {"serves", "serves the guest"},
        {"ending", "brings everything back, and ends after that"},
        {"missing", "has ended, though the guest needs one; another takes over"},
        {"refused", "refused: this guest can't have one, and is managed without"},
    };
    const char *sentence = text_or_dash(t->p->standing);
    g_autofree char *process = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(sentences); i++) {
        if (is(t->p->standing, sentences[i].standing))
            sentence = sentences[i].sentence;
    }
    if (t->p->pid != UNKNOWN_U64)
        process = g_strdup_printf(", process %" PRIu64, t->p->pid);
    tell(t, "pager", "%s%s%s%s%s", sentence, process ? process : "",
         also(is(t->p->phase, "parking"), "; parking: everything is being put out"),
         also(is(t->p->phase, "unparking"), "; unparking: everything is being brought back"),
         also(is(t->p->phase, "serving") && is(t->p->parked, "yes"),
              "; parked: all that the guest has not touched since is out"));
    if (t->p->error && *t->p->error)
        tell(t, "", "%s", t->p->error);
    if (is(t->p->evicting, "no"))
        tell(t, "",
             "it puts nothing out while that is so; what is out comes back when it is touched");
}

static void tell_places(const struct teller *t)
{
    char buf[5][TEXT_FIGURE_MAX];
    const struct pager_info *p = t->p;

    tell(t, "pages",
         "%s resident, %s zero, %s compressed, %s swapped, %s never touched or given back",
         text_size(p->resident, buf[0]), text_size(p->zero, buf[1]),
         text_size(p->compressed, buf[2]), text_size(p->swapped, buf[3]),
         text_size(p->absent, buf[4]));
    if (p->allowed != UNKNOWN_U64)
        tell(t, "", "the guest may occupy %s; what is above is put out",
             text_size(p->allowed, buf[0]));
    else
        tell(t, "", "the guest may occupy all that it touches");
    if (p->explain && *p->explain)
        tell(t, "", "%s", p->explain);
    tell(t, "cache", "%s of memory hold %s of pages (ratio %s), at most %s",
         text_size(p->cache_occupied, buf[0]), text_size(p->compressed, buf[1]),
         text_number(p->cache_ratio, buf[2]), text_size(p->cache_limit, buf[3]));
    tell(t, "swap file", "%s of %s used; writing %s/s, reading %s/s",
         text_size(p->swap_used, buf[0]), text_size(p->swap_size, buf[1]),
         text_size_rate(p->write_rate, buf[2]), text_size_rate(p->read_rate, buf[3]));
    tell(t, "moving", "%s/s out, %s/s in", text_size_rate(p->out_rate, buf[0]),
         text_size_rate(p->in_rate, buf[1]));
}

static void tell_faults(const struct teller *t)
{
    const struct {
        const char *from;
        const struct fault_info *f;
    } kinds[] = {
        {"the swap file", &t->p->from_swap},
        {"the cache", &t->p->from_cache},
        {"zero pages", &t->p->from_zero},
        {"first touches", &t->p->first},
    };
    const char *label = "waits";

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        char buf[3][TEXT_FIGURE_MAX];

        if (kinds[i].f->count == UNKNOWN_U64 || kinds[i].f->count == 0)
            continue;
        tell(t, label, "%s: %" PRIu64 " times, half of them within %s, 90 %% %s, 99 %% %s",
             kinds[i].from, kinds[i].f->count, text_latency(kinds[i].f->p50, buf[0]),
             text_latency(kinds[i].f->p90, buf[1]), text_latency(kinds[i].f->p99, buf[2]));
        label = "";
    }
    if (*label)
        tell(t, label, "the guest has not waited for a page so far");
}

static void tell_sampling(const struct teller *t)
{
    char buf[4][TEXT_FIGURE_MAX];
    const struct pager_info *p = t->p;

    if (isnan(p->sampled_active)) {
        tell(t, "touched", "not known yet: no window of samples is complete");
        return;
    }
    tell(t, "touched",
         "%.0f %% of resident memory in the last window of samples; working set %s in 1 s, %s in "
         "10 s, %s in 1 min, %s in 10 min",
         100 * p->sampled_active, text_size(p->ws_1s, buf[0]), text_size(p->ws_10s, buf[1]),
         text_size(p->ws_1min, buf[2]), text_size(p->ws_10min, buf[3]));
}

static void tell_trouble(const struct teller *t)
{
    const struct pager_info *p = t->p;

    if (p->held != UNKNOWN_U64) {
        tell(t, "held",
             "%" PRIu64 " pages can't be read back (%s; one at byte %" PRIu64
             " of its RAM): who touches them waits, no page is made up, and reading is tried again",
             p->held, text_or_dash(p->held_error), p->held_offset);
        if (is(p->stopped, "yes"))
            tell(t, "", "the guest was stopped for it, and goes on once all can be read");
    }
    if (p->io_errors != UNKNOWN_U64 && p->io_errors > 0)
        tell(t, "errors", "%" PRIu64 " reads or writes of the swap file have failed so far",
             p->io_errors);
    if (p->takeovers != UNKNOWN_U64 && p->takeovers > 0)
        tell(t, "takeovers", "%" PRIu64 ": so often a pager has died, and a new one gone on",
             p->takeovers);
}

void explain_pager(const struct guest_info *guest, explain_fn add, void *data)
{
    struct teller t = {&guest->pager, add, data};

    if (guest->size == UNKNOWN_U64 && !guest->pager.standing) {
        tell(&t, "pager", "not known");
        return;
    }
    if (!guest->pager.standing) {
        tell(&t, "pager", "none: the guest is managed with its balloon alone");
        return;
    }
    tell_standing(&t);
    if (!guest->pager.phase) /* its map is not known */
        return;
    tell_places(&t);
    tell_faults(&t);
    tell_sampling(&t);
    tell_trouble(&t);
}
