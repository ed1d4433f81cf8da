/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: whether a guest has swap of its own, nobody tells; it shows. A guest that was never seen
 * to page out while it was short of memory has none. One that paged out has some; when its balloon
 * then stops though it has nothing more to spare, what it has is full (or so slow that it is as
 * good as full), and it is treated as one without beyond what it has put there, until it has taken
 * more than that. The rule of thumb is 65 % of its size, which is as large as a balloon may get.
 *
 * Double paging: the host puts a page out, then the guest chooses the same one, and it is read back
 * only to be written to the guest's swap. Who reads pages for the guest's disk is known to the host
 * (the VMM's threads); that it was for paging, only the guest's statistics say. It is at most the
 * lesser of both.
 */
#include "core/policy_guest.h"

/* A guest low on memory for so long that does not page out has nowhere to page to. */
#define SQUEEZED_USEC (10 * USEC_PER_SEC)

/* What it has in its swap now, at most: what it forgot there without reading it back is not seen.
 */
static uint64_t in_swap(const struct policy_guest *g)
{
    const struct guest_stats *s = &g->stats;

    if (s->swap_out == GUEST_STAT_UNSET || s->swap_in == GUEST_STAT_UNSET)
        return 0;
    return u64_sub(s->swap_out, s->swap_in);
}

/* Low on memory for long. */
static bool is_squeezed(struct policy_guest *g, usec_t now)
{
    if (g->stats.available >= guest_probe_step(g)) {
        g->squeezed_since = USEC_NEVER;
        return false;
    }
    if (g->squeezed_since == USEC_NEVER)
        g->squeezed_since = now;
    return now >= g->squeezed_since + SQUEEZED_USEC;
}

/* It has taken more than it had when it was found to be full. That it was read back is no sign:
 * that is what happens when the balloon gives way. */
static bool takes_again(const struct policy_guest *g)
{
    return in_swap(g) >= g->short_at + guest_probe_step(g);
}

static void find_out(struct policy_guest *g, usec_t now)
{
    bool squeezed = is_squeezed(g, now);

    if (g->stats.swap_out == GUEST_STAT_UNSET || g->stats.swap_out == 0) {
        if (squeezed)
            g->swap = GUEST_SWAP_ABSENT;
    } else if (g->swap != GUEST_SWAP_SHORT || takes_again(g)) {
        g->swap = GUEST_SWAP_PRESENT;
    }
}

void guest_find_swap(struct policy_guest *g, usec_t now)
{
    if (guest_believed(g))
        g->swap_seen = u64_max(g->swap_seen, in_swap(g));
    if (g->settings.swap != GUEST_SWAP_UNKNOWN)
        g->swap = g->settings.swap;
    else if (guest_believed(g))
        find_out(g, now);
}

bool guest_pages_itself(const struct policy_guest *g)
{
    return g->swap == GUEST_SWAP_PRESENT || (g->swap == GUEST_SWAP_SHORT && !guest_can_swap(g));
}

void guest_swap_failed(struct policy_guest *g)
{
    if (g->swap == GUEST_SWAP_UNKNOWN)
        g->swap = GUEST_SWAP_ABSENT;
    if (g->swap != GUEST_SWAP_PRESENT)
        return;
    g->swap = GUEST_SWAP_SHORT;
    g->short_at = in_swap(g);
}
