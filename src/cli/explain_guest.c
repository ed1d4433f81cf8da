/* SPDX-License-Identifier: Apache-2.0 */
/* How the guest fares under what is done to it: in sentences, for `explain`. */
#include <math.h>

#include "cli/explain_parts.h"
#include "cli/notes.h"

void explain_lost(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};
    uint64_t out = g->paged.out, twice = g->paged_by_guest;

    if (isnan(g->lost.part)) {
        tell(s, "lost", "not known");
        return;
    }
    tell(s, "lost", "%s of one processor's time, lately, waiting for memory",
         f_part(&f, g->lost.part));
    tell(s, "", "so far: %s by its own paging, %s for pages that the host had put out, %s blocked",
         f_age(&f, g->lost.guest_swap), f_age(&f, g->lost.host_swap), f_age(&f, g->lost.blocked));
    if (twice != UNKNOWN_U64 && out != UNKNOWN_U64 && out > 0)
        tell(s, "twice",
             "of %s that the host put out, the guest later paged out %s itself, at most (%s)",
             f_size(&f, out), f_size(&f, twice), f_part(&f, (double)twice / (double)out));
}

/* Whether the host looks for identical pages at all, and why. */
static void tell_host_sharing(struct sentences *s, const struct host_sharing_info *h)
{
    const char *why = h->blocker ? h->blocker : h->explain;

    if (h->run)
        tell(s, "", "the host %s identical pages now%s%s",
             is_word(h->run, "yes") ? "looks for" : "does not look for", also(why && *why, ": "),
             why ? why : "");
}

void explain_sharing(struct sentences *s, const struct guest_info *g, const struct host_info *host)
{
    static const struct meaning standings[] = {
        {"asked", "its VMM is being told"},
        {"in", "may be merged"},
        {"waiting", "waits, since another domain is being shared"},
        {"refused", "can't be merged"},
    };
    const struct guest_sharing_info *sharing = &g->sharing;
    struct figures f = {.used = 0};

    if (!sharing->standing)
        tell(s, "sharing", "not known");
    else if (!is_word(sharing->standing, "out"))
        tell(s, "sharing", "%s, of domain %s: %s merged, which saves %s",
             meaning_of(sharing->standing, standings, G_N_ELEMENTS(standings)),
             text_or_dash(sharing->domain), f_size(&f, sharing->merged),
             f_size(&f, sharing->saved));
    else
        tell(s, "sharing", "none: it %s",
             !g->ram || is_word(g->ram, "private")
                 ? "has not opted in (aerostat set VM share=DOMAIN)"
                 : "has no private memory, which alone can be merged");
    if (sharing->error && *sharing->error)
        tell(s, "", "%s", sharing->error);
    if (sharing->standing && !is_word(sharing->standing, "out"))
        tell_host_sharing(s, &host->sharing);
}

void explain_blocking(struct sentences *s, const struct guest_info *g)
{
    struct figures f = {.used = 0};

    if (isnan(g->blocked_seconds))
        tell(s, "blocked", "not known");
    else if (!(g->blocked_seconds > 0) && !is_word(g->blocked_now, "yes"))
        tell(s, "blocked", "not so far");
    else
        tell(s, "blocked", "%s%s times so far, %s in all; its excess over its target earned it %s",
             also(is_word(g->blocked_now, "yes"), "at this moment; "),
             f_count(&f, g->blocked_times), f_age(&f, g->blocked_seconds),
             f_age(&f, g->blocked_owed));
}

void explain_guest_swap(struct sentences *s, const struct guest_info *g)
{
    static const struct meaning meanings[] = {
        {"unknown", "not known: it has never paged out, and is treated as one without"},
        {"present", "it has swap of its own"},
        {"absent", "none: the balloon takes no more than its free memory and page cache, the rest "
                   "is left to the host's own means"},
        {"short", "too little: the balloon goes no further than it held, the rest is left to the "
                  "host's own means"},
    };
    struct figures f = {.used = 0};
    bool lacks = is_word(g->guest_swap, "absent") || is_word(g->guest_swap, "short");

    if (!g->guest_swap) {
        tell(s, "guest swap", "not known");
        return;
    }
    tell(s, "guest swap", "%s", meaning_of(g->guest_swap, meanings, G_N_ELEMENTS(meanings)));
    if (g->guest_swap_seen != UNKNOWN_U64 && g->guest_swap_seen > 0)
        tell(s, "", "most that was seen in it: %s", f_size(&f, g->guest_swap_seen));
    if (lacks && g->size != UNKNOWN_U64)
        tell(s, "", "a good rule is %s, %s of its size", f_size(&f, guest_swap_rule(g->size)),
             GUEST_SWAP_RULE_TEXT);
}

void explain_admission(struct sentences *s, const struct guest_info *g)
{
    if (g->admitted)
        tell(s, "admitted", "%s",
             is_word(g->admitted, "yes")
                 ? "yes: its reservation and its swap space were seen to fit"
                 : "no: it appeared by itself, and nobody saw to it that it fits (aerostat admit); "
                   "it is managed all the same");
}
