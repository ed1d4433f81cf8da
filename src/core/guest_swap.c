/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: whether a guest has swap of its own, nobody tells; it shows. A guest that was never seen
 * to page out while it was short of memory has none. One that paged out has some; when it is short
 * and does not page out any more, what it has is full (or so slow that it is as good as full), and
 * it is treated as one without beyond what it has put there. The rule of thumb is 65 % of its size,
 * which is as large as a balloon may get. When it pages out again, it has some again.
 *
 * Double paging: the host puts a page out, then the guest chooses the same one, and it is read back
 * only to be written to the guest's swap. Who reads pages for the guest's disk is known to the host
 * (the VMM's threads); that it was for paging, only the guest's statistics say. It is at most the
 * lesser of both.
 */
#include "core/policy_guest.h"

/* A guest low on memory for so long that does not page out has nowhere to page to. */
#define SQUEEZED_USEC (10 * USEC_PER_SEC)

static void follow_swap_seen(struct policy_guest *g)
{
    const struct guest_stats *s = &g->stats;

    if (s->swap_out == GUEST_STAT_UNSET || s->swap_in == GUEST_STAT_UNSET)
        return;
    g->swap_seen = u64_max(g->swap_seen, u64_sub(s->swap_out, s->swap_in));
}

/* Low on memory for long, and not paging out. */
static bool is_squeezed(struct policy_guest *g, usec_t now)
{
    if (g->stats.available >= guest_probe_step(g) || g->rates.swap_out > 0) {
        g->squeezed_since = USEC_NEVER;
        return false;
    }
    if (g->squeezed_since == USEC_NEVER)
        g->squeezed_since = now;
    return now >= g->squeezed_since + SQUEEZED_USEC;
}

static void find_out(struct policy_guest *g, usec_t now)
{
    const uint64_t paged_out = g->stats.swap_out == GUEST_STAT_UNSET ? 0 : g->stats.swap_out;
    bool squeezed = is_squeezed(g, now);

    if (g->swap == GUEST_SWAP_SHORT && paged_out >= g->short_at &&
        paged_out - g->short_at < guest_probe_step(g))
        return;
    if (paged_out == 0) {
        if (squeezed)
            g->swap = GUEST_SWAP_ABSENT;
    } else if (squeezed) {
        g->swap = GUEST_SWAP_SHORT;
        g->short_at = paged_out;
    } else {
        g->swap = GUEST_SWAP_PRESENT;
    }
}

void guest_find_swap(struct policy_guest *g, usec_t now)
{
    if (guest_believed(g))
        follow_swap_seen(g);
    if (g->settings.swap != GUEST_SWAP_UNKNOWN)
        g->swap = g->settings.swap;
    else if (guest_believed(g))
        find_out(g, now);
}

void guest_swap_failed(struct policy_guest *g)
{
    if (g->swap == GUEST_SWAP_UNKNOWN) {
        g->swap = GUEST_SWAP_ABSENT;
    } else if (g->swap == GUEST_SWAP_PRESENT && g->rates.swap_out == 0) {
        g->swap = GUEST_SWAP_SHORT;
        g->short_at = g->stats.swap_out;
    }
}
