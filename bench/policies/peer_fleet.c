/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/peer_fleet.h"

/* How long a guest may take to be ballooned to what it starts with. */
#define SETTLE_USEC (30 * USEC_PER_SEC)

static void guest_free(void *data)
{
    struct peer_guest *g = data;

    g_free(g->own);
    g_free(g);
}

void peer_fleet_init(struct peer_fleet *f, struct sim *s, uint64_t capacity)
{
    f->sim = s;
    f->capacity = f->free = capacity;
    f->guests = g_ptr_array_new_with_free_func(guest_free);
}

void peer_fleet_deinit(struct peer_fleet *f)
{
    g_ptr_array_unref(f->guests);
}

struct peer_guest *peer_fleet_started(struct peer_fleet *f, unsigned number,
                                      const struct manager_guest *facts)
{
    struct peer_guest *g = g_new0(struct peer_guest, 1);

    g->number = number;
    g->min = facts->min;
    g->size = g->actual = facts->size;
    g->shares = facts->settings.shares;
    g->reported = facts->balloon_device;
    g->running = true;
    g->free = g->available = g->used = GUEST_STAT_UNSET;
    g_ptr_array_add(f->guests, g);
    return g;
}

void peer_fleet_ended(struct peer_fleet *f, unsigned number)
{
    for (unsigned i = 0; i < f->guests->len; i++)
        if (peer_guest(f, i)->number == number) {
            g_ptr_array_remove_index(f->guests, i);
            return;
        }
}

/* Page cache is what guests of these tools call neither used nor free. */
static uint64_t used(const struct guest_stats *s)
{
    if (s->total == GUEST_STAT_UNSET || s->free == GUEST_STAT_UNSET)
        return GUEST_STAT_UNSET;
    return u64_sub(s->total, s->free + (s->caches == GUEST_STAT_UNSET ? 0 : s->caches));
}

static void look(struct peer_fleet *f, struct peer_guest *g)
{
    struct guest_observation seen;

    manager_guest_look(f->sim, g->number, false, &seen);
    g->reported = seen.balloon_device && seen.reachable;
    g->running = seen.running;
    g->actual = seen.actual;
    if (g->settle_until > sim_now(f->sim) && g->actual > g->target)
        g->actual = g->target;
    else
        g->settle_until = 0;
    g->free = g->available = g->used = GUEST_STAT_UNSET;
    if (seen.stats.last_update == 0)
        return;
    g->free = seen.stats.free;
    g->available = seen.stats.available;
    g->used = used(&seen.stats);
}

void peer_fleet_look(struct peer_fleet *f)
{
    struct manager_host host;

    manager_host_look(f->sim, &host);
    f->capacity = host.capacity;
    f->free = host.free;
    for (unsigned i = 0; i < f->guests->len; i++)
        look(f, peer_guest(f, i));
}

uint64_t peer_fleet_assigned(const struct peer_fleet *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < f->guests->len; i++)
        sum += peer_guest(f, i)->actual;
    return sum;
}

void peer_guest_set(struct peer_fleet *f, struct peer_guest *g, uint64_t visible)
{
    g->target = u64_clamp(visible, 4 * KIB, g->size);
    manager_balloon(f->sim, g->number, g->target);
}

void peer_guest_start_with(struct peer_fleet *f, struct peer_guest *g, uint64_t visible)
{
    peer_guest_set(f, g, visible);
    g->actual = g->target;
    g->settle_until = sim_now(f->sim) + SETTLE_USEC;
}
