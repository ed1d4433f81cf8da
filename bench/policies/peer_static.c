/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static partition: what an administrator does with a calculator. Every guest gets the same part of
 * its size, so that all together are as large as the host; anew whenever one comes or goes.
 */
#include "policies/peer_fleet.h"

#define LOOK_USEC USEC_PER_SEC

struct partition {
    struct peer_fleet fleet;
    bool changed;
};

static void *create(struct sim *s, const void *config, uint64_t capacity)
{
    struct partition *p = g_new0(struct partition, 1);

    (void)config;
    peer_fleet_init(&p->fleet, s, capacity);
    return p;
}

static void destroy(void *m)
{
    struct partition *p = m;

    peer_fleet_deinit(&p->fleet);
    g_free(p);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct partition *p = m;

    peer_fleet_started(&p->fleet, guest, facts);
    p->changed = true;
}

static void ended(void *m, unsigned guest)
{
    struct partition *p = m;

    peer_fleet_ended(&p->fleet, guest);
    p->changed = true;
}

static void divide(struct peer_fleet *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < f->guests->len; i++)
        sum += peer_guest(f, i)->size;
    for (unsigned i = 0; i < f->guests->len; i++) {
        struct peer_guest *g = peer_guest(f, i);

        peer_guest_set(f, g,
                       sum <= f->capacity
                           ? g->size
                           : (uint64_t)((double)f->capacity * (double)g->size / (double)sum));
    }
}

static usec_t wake(void *m, usec_t now)
{
    struct partition *p = m;
    uint64_t before = p->fleet.capacity;

    peer_fleet_look(&p->fleet);
    if (p->changed || p->fleet.capacity != before)
        divide(&p->fleet);
    p->changed = false;
    return now + LOOK_USEC;
}

const struct manager_ops PEER_STATIC = {
    .name = "static",
    .title = "static partition",
    .create = create,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .wake = wake,
};
