/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle: a manager that reads the guests' minds. It knows of every guest what its programs own
 * and which files they will read again, now and half a minute ahead. Its balloons take all else, at
 * once and from everybody: free memory, and page cache that nobody wants. What is left of the host
 * is divided by size. It never takes what somebody uses: where more is wanted than there is, it
 * leaves the choice to the host's kernel, whose LRU sees all guests' pages in one list and drops
 * those that were not used for longest, whosever they are. KSM runs at full speed.
 *
 * What it is a bound of: of what can be had by knowing the working sets, with the host's own means.
 * It is none for who finds better victims than the kernel, nor where it can't act (its balloons
 * stay as they are while it is dead), nor of fairness: neither shares nor reservations mean
 * anything to it, who uses memory most has it.
 */
#include <math.h>

#include "policies/peer_fleet.h"

#define PERIOD_USEC USEC_PER_SEC
#define FORESIGHT   (30 * USEC_PER_SEC)
#define GUEST_SPARE 0.02 /* of its size, that a guest's kernel wants free */
#define SCAN_PAGES  1e5  /* a second, by KSM */

struct oracle {
    struct peer_fleet fleet;
    const struct policies_config *config;
    struct sim_costs costs;
};

static void *create(struct sim *s, const void *config, uint64_t capacity)
{
    struct oracle *o = g_new0(struct oracle, 1);

    peer_fleet_init(&o->fleet, s, capacity);
    o->config = config;
    o->costs = sim_costs_default();
    return o;
}

static void destroy(void *m)
{
    struct oracle *o = m;

    peer_fleet_deinit(&o->fleet);
    g_free(o);
}

static void started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct oracle *o = m;

    peer_fleet_started(&o->fleet, guest, facts);
}

static void ended(void *m, unsigned guest)
{
    struct oracle *o = m;

    peer_fleet_ended(&o->fleet, guest);
}

static double step_wants(const struct work_step *s)
{
    double sum = (double)s->own + (double)s->stream;

    for (unsigned c = 0; c < WORK_CLASSES_MAX; c++)
        sum += (double)s->cache[c].bytes;
    return sum;
}

/* The most that programs want from now until the end of its foresight, and their kernel. */
static double guest_wants(const struct oracle *o, const struct sim_guest_spec *spec, usec_t now)
{
    double most = 0;

    for (size_t i = 0; i < spec->work.n && spec->work.steps[i].at <= now + FORESIGHT; i++) {
        bool over = i + 1 < spec->work.n && spec->work.steps[i + 1].at <= now;

        if (!over)
            most = fmax(most, step_wants(&spec->work.steps[i]));
    }
    return most + (o->costs.guest_base + GUEST_SPARE) * (double)spec->size +
           (double)o->costs.guest_base_bytes;
}

static usec_t wake(void *m, usec_t now)
{
    struct oracle *o = m;
    unsigned n = o->fleet.guests->len;
    g_autofree double *wants = g_new0(double, n + 1);
    double left, sizes = 0;

    peer_fleet_look(&o->fleet);
    manager_scan(o->fleet.sim, SCAN_PAGES);
    left = (double)o->fleet.capacity;
    for (unsigned i = 0; i < n; i++) {
        wants[i] = guest_wants(o, &o->config->specs[peer_guest(&o->fleet, i)->number], now);
        left -= wants[i];
        sizes += (double)peer_guest(&o->fleet, i)->size;
    }
    for (unsigned i = 0; i < n; i++) {
        struct peer_guest *g = peer_guest(&o->fleet, i);
        double spare = fmax(left, 0) * (double)g->size / sizes;

        peer_guest_set(&o->fleet, g, (uint64_t)fmin(wants[i] + spare, (double)g->size));
    }
    return now + PERIOD_USEC;
}

const struct manager_ops ORACLE = {
    .name = "oracle",
    .title = "an oracle that knows the working sets",
    .sharing = true,
    .knows_truth = true,
    .create = create,
    .destroy = destroy,
    .started = started,
    .ended = ended,
    .wake = wake,
};
