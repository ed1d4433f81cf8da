/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloond (SapphicCode/balloond): every guest is kept at 256 to 288 MiB of available memory, in
 * steps of 32 MiB without a bound on their number, every 10 s. No minimum, and no look at the host.
 */
#include "policies/peer_balloond.h"

#include "policies/peer_fleet.h"

#define PERIOD_USEC (10 * USEC_PER_SEC)
#define WISH_KIB    (UINT64_C(256) * 1024)
#define CHUNK_KIB   (UINT64_C(32) * 1024)

bool balloond_target(uint64_t cur, uint64_t max, uint64_t available, uint64_t *ret_target)
{
    uint64_t t = cur;

    if (available == 0 || cur == 0 || cur < available)
        return false;
    if (available < WISH_KIB) {
        while (available + (t - cur) < WISH_KIB)
            t += CHUNK_KIB;
        t = u64_min(t, max);
    } else if (available > WISH_KIB + CHUNK_KIB) {
        while (available - (cur - t) > WISH_KIB + CHUNK_KIB)
            t -= CHUNK_KIB;
    }
    *ret_target = t;
    return t != cur;
}

static void *create(struct sim *s, const void *config, uint64_t capacity)
{
    struct peer_fleet *f = g_new0(struct peer_fleet, 1);

    (void)config;
    peer_fleet_init(f, s, capacity);
    return f;
}

static void destroy(void *m)
{
    peer_fleet_deinit(m);
    g_free(m);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    peer_fleet_started(m, guest, facts);
}

static void ended(void *m, unsigned guest)
{
    peer_fleet_ended(m, guest);
}

static usec_t wake(void *m, usec_t now)
{
    struct peer_fleet *f = m;

    peer_fleet_look(f);
    for (unsigned i = 0; i < f->guests->len; i++) {
        struct peer_guest *g = peer_guest(f, i);
        uint64_t target;

        if (g->reported && g->available != GUEST_STAT_UNSET &&
            balloond_target(g->actual / KIB, g->size / KIB, g->available / KIB, &target))
            peer_guest_set(f, g, target * KIB);
    }
    return now + PERIOD_USEC;
}

const struct manager_ops PEER_BALLOOND = {
    .name = "balloond",
    .title = "balloond (demand only)",
    .create = create,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .wake = wake,
};
