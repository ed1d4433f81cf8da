/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon gives figures, names, and the sentence of its decision; the rest is put into words
 * here. What the daemon does not know is said to be unknown, line by line, because that is often
 * the explanation.
 */
#include "cli/explain.h"

#include "base/json.h"
#include "cli/explain_parts.h"
#include "cli/summary.h"

static void tell_verdict(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    if (!g->reason) {
        tell(s, "reason", "nothing has been decided yet");
        return;
    }
    tell(s, "reason", "%s, decided %s ago", g->reason, f_age(&f, g->decided_age));
    if (g->explain && *g->explain)
        tell(s, "", "%s", g->explain);
}

static void tell_memory(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    tell(s, "memory", "size %s, granted %s (what the guest sees), resident %s, overhead %s",
         f_size(&f, g->size), f_size(&f, g->granted), f_size(&f, g->resident),
         f_size(&f, g->overhead));
    tell(s, "entitled", "%s to stay resident: by %s shares, reservation %s, limit %s%s",
         f_size(&f, g->entitled), f_count(&f, g->shares), f_size(&f, g->reservation),
         f_size(&f, g->limit), also(is_word(g->exempt, "yes"), "; exempt"));
}

static void tell_activity(struct sentences *s, const struct guest_info *g)
{
    static const struct meaning sources[] = {
        {"unknown", "nobody can tell, so all that is resident counts"},
        {"stats", "from the guest's statistics"},
        {"sampled", "from sampling the guest's pages"},
    };
    struct figures f = {.used = 0};

    if (g->active == UNKNOWN_U64) {
        tell(s, "active", "not known");
        return;
    }
    tell(s, "active", "%s, %s: the largest of slow %s, fast %s, current %s", f_size(&f, g->active),
         meaning_of(g->activity_source, sources, G_N_ELEMENTS(sources)),
         f_size(&f, g->activity_slow), f_size(&f, g->activity_fast),
         f_size(&f, g->activity_current));
}

static void tell_balloon(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};
    const char *direction = "";

    if (!g->driver) {
        tell(s, "balloon", "not known");
        return;
    }
    if (g->balloon != UNKNOWN_U64 && g->balloon_target != UNKNOWN_U64) {
        if (g->balloon_target > g->balloon)
            direction = " (inflating)";
        else if (g->balloon_target < g->balloon)
            direction = " (deflating)";
    }
    tell(s, "balloon", "%s, target %s%s, at most %s; driver %s", f_size(&f, g->balloon),
         f_size(&f, g->balloon_target), direction, f_size(&f, g->balloon_max),
         text_or_dash(g->driver));
    if (g->balloon_speed > 0 && is_word(g->driver, "working"))
        tell(s, "", "it grew at %s/s when last asked to", f_rate(&f, g->balloon_speed));
}

static void tell_statistics(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    if (!g->trust) {
        tell(s, "statistics", "not known");
        return;
    }
    tell(s, "statistics", "%s, %s old: total %s, free %s, available %s, caches %s",
         text_or_dash(g->trust), f_age(&f, g->stats_age), f_size(&f, g->stats_total),
         f_size(&f, g->stats_free), f_size(&f, g->stats_available), f_size(&f, g->stats_caches));
    f.used = 0;
    tell(s, "paging", "swap-in %s/s, swap-out %s/s, major faults %s/s, OOM kills %s",
         f_rate(&f, g->swap_in_rate), f_rate(&f, g->swap_out_rate),
         f_number(&f, g->major_fault_rate), f_count(&f, g->oom_kills));
    if (*g->distress)
        tell(s, "distress", "%s, for %s", g->distress, f_age(&f, g->distress_age));
    else
        tell(s, "distress", "none");
}

static void tell_machine(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};
    const char *running = is_word(g->running, "yes")  ? ", running"
                          : is_word(g->running, "no") ? ", not running"
                                                      : "";

    tell(s, "machine", "%s, pid %s, RAM %s, link %s%s", text_or_dash(g->vmm), f_count(&f, g->pid),
         text_or_dash(g->ram), text_or_dash(g->link), running);
    tell(s, "socket", "%s", text_or_dash(g->socket));
    if (g->error && *g->error)
        tell(s, "error", "%s", g->error);
}

static void tell_host(struct sentences *s, const struct host_info *host)
{
    for (unsigned i = 0; i < SUMMARY_STATE_LINES; i++) {
        g_autofree char *line = summary_line(host, i, s->ascii);

        tell(s, i == 0 ? "host" : "", "%s", line);
    }
}

/* What takes memory from it, in the order in which it is asked. */
static void tell_means(struct sentences *s, const struct guest_info *g,
                       const struct host_info *host)
{
    tell_balloon(s, g);
    explain_sharing(s, g, host);
    if (g->pager.standing)
        explain_pager(s, &g->pager);
    else if (g->kernel_swap.standing)
        explain_kernel_swap(s, &g->kernel_swap);
    else
        tell(s, "host swap", "%s",
             g->size == UNKNOWN_U64 ? "not known" : "none: the guest has its balloon alone");
    explain_blocking(s, g);
}

GPtrArray *explain_lines(const struct explained *what, bool ascii)
{
    struct sentences s = {.lines = g_ptr_array_new_with_free_func(g_free), .ascii = ascii};
    struct guest_info guest;
    struct host_info host;

    guest_info_read(&guest, what->guest);
    host_info_read(&host, what->host);
    tell(&s, "guest", "%s", text_or_dash(guest.name));
    tell_verdict(&s, &guest);
    explain_lost(&s, &guest);
    tell_memory(&s, &guest);
    tell_activity(&s, &guest);
    tell_means(&s, &guest, &host);
    explain_guest_swap(&s, &guest);
    tell_statistics(&s, &guest);
    tell_machine(&s, &guest);
    explain_admission(&s, &guest);
    if (what->host)
        tell_host(&s, &host);
    explain_decisions(&s, what->decisions);
    return s.lines;
}
