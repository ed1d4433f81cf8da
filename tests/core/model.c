/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <glib.h>

#define KERNEL_RESERVED (24 * MIB)
#define BOOT_USED       (40 * MIB)
#define SWAP_RATE       (20 * MIB)
#define EVICT_RATE      (300 * MIB)
#define LOAD_RATE       (60 * MIB)
#define LOAD_WAIT_USEC  50 /* for each page */

/* As the daemon: reconcile_look.c, DECISION_GAP_MSEC. */
#define LOOK_LEAST_USEC   (100 * USEC_PER_MSEC)
#define DECISION_GAP_USEC (100 * USEC_PER_MSEC)

void model_init(struct model *m, uint64_t capacity)
{
    struct policy_params params = policy_params_default();

    *m = (struct model){.policy = policy_new(&params),
                        .host = {.capacity = capacity, .free_measured = UINT64_MAX},
                        .now = 1000 * USEC_PER_SEC,
                        .tick = USEC_PER_SEC,
                        .period = 2};
    g_assert_nonnull(m->policy);
}

void model_deinit(struct model *m)
{
    policy_free(m->policy);
}

struct model_guest *model_add(struct model *m, uint64_t size)
{
    g_assert_cmpuint(m->n, <, MODEL_GUESTS_MAX);
    struct model_guest *g = &m->guests[m->n++];

    *g = (struct model_guest){.size = size,
                              .actual = size,
                              .target = size,
                              .demand = BOOT_USED,
                              .balloon_rate = 80 * MIB,
                              .growth = 100 * MIB,
                              .evict_rate = EVICT_RATE,
                              .allowed = ALLOWED_ANY,
                              .resident = KERNEL_RESERVED};
    g->policy = policy_guest_add(m->policy, &g->settings, m->now);
    return g;
}

void model_end(struct model *m, struct model_guest *g)
{
    policy_guest_remove(m->policy, g->policy);
    g->policy = NULL;
}

/* What can be done in a step of what can be done in a second. */
static uint64_t in_tick(const struct model *m, uint64_t per_second)
{
    return per_second * m->tick / USEC_PER_SEC;
}

static uint64_t usable(const struct model_guest *g)
{
    return u64_sub(g->actual, KERNEL_RESERVED);
}

static uint64_t free_bytes(const struct model_guest *g)
{
    return u64_sub(usable(g), g->used + g->cache);
}

static void page_out(struct model_guest *g, uint64_t bytes)
{
    uint64_t out = u64_min(u64_min(bytes, g->used), g->swap_size - g->swapped);

    g->used -= out;
    g->swapped += out;
    g->swap_out += out;
}

static void page_in(struct model_guest *g, uint64_t bytes)
{
    uint64_t in = u64_min(u64_min(bytes, g->swapped), free_bytes(g));

    g->swapped -= in;
    g->used += in;
    g->swap_in += in;
}

/* The workload takes what it wants while there is room, then from the cache, then by paging. */
static void work(const struct model *m, struct model_guest *g)
{
    uint64_t holds = g->used + g->swapped;

    if (holds > g->demand) {
        uint64_t excess = holds - g->demand, from_swap = u64_min(excess, g->swapped);

        g->swapped -= from_swap;
        g->used -= u64_min(g->used, excess - from_swap);
    } else {
        uint64_t want = u64_min(g->demand - holds, in_tick(m, g->growth));

        if (want > free_bytes(g))
            g->cache -= u64_min(g->cache, want - free_bytes(g));
        if (want > free_bytes(g))
            page_out(g, u64_min(want - free_bytes(g), in_tick(m, SWAP_RATE)));
        g->used += u64_min(want, free_bytes(g));
    }
    if (g->swapped > 0 &&
        g->demand > 0) { /* the working set goes round: in one end, out the other */
        uint64_t round = in_tick(m, SWAP_RATE) / 2;

        page_out(g, u64_min(round, u64_sub(round, free_bytes(g))));
        page_in(g, round);
    }
    if (g->cache < g->cache_demand)
        g->cache += u64_min(g->cache_demand - g->cache, u64_sub(free_bytes(g), 8 * MIB));
}

static void touch(struct model_guest *g)
{
    uint64_t needs = u64_min(g->actual, KERNEL_RESERVED + g->used + g->cache);

    g->resident = u64_min(u64_max(g->resident, u64_sub(needs, g->out)), g->actual - g->out);
}

static uint64_t hot_bytes(const struct model_guest *g)
{
    return u64_min(g->hot ? g->hot : g->size, g->resident + g->out);
}

/* Cold pages go first where they are told apart; else of the hot part as much is out as of the
 * rest.
 */
static uint64_t hot_out(const struct model_guest *g)
{
    uint64_t touched = g->resident + g->out, hot = hot_bytes(g);

    if (touched == 0)
        return 0;
    if (g->cold_first)
        return u64_sub(g->out, touched - hot);
    return (uint64_t)((double)hot / (double)touched * (double)g->out);
}

static void load(const struct model *m, struct model_guest *g)
{
    uint64_t in = u64_min(in_tick(m, hot_out(g)), in_tick(m, LOAD_RATE));

    g->out -= in;
    g->resident += in;
    g->loaded += in;
    g->waited += in / 4096 * LOAD_WAIT_USEC;
}

static void put_out(const struct model *m, struct model_guest *g)
{
    uint64_t excess = g->kernel ? g->kernel_excess : u64_sub(g->resident, g->allowed);
    uint64_t most = u64_sub(g->size - g->settings.reservation, g->out);
    uint64_t out = u64_min(u64_min(excess, g->resident), u64_min(in_tick(m, g->evict_rate), most));

    g->out += out;
    g->moved_out += out;
    g->resident -= out;
    g->kernel_excess = u64_sub(g->kernel_excess, out);
}

static void move_balloon(struct model *m, struct model_guest *g)
{
    if (g->target > g->actual) {
        uint64_t up = g->target - g->actual;

        m->deflated += up;
        g->actual = g->target;
        return;
    }
    uint64_t wanted = u64_min(g->actual - g->target, in_tick(m, g->balloon_rate));
    uint64_t emergency = 4 * MIB; /* what the guest's allocator keeps back */

    if (wanted + emergency > free_bytes(g))
        g->cache -= u64_min(g->cache, wanted + emergency - free_bytes(g));
    if (wanted + emergency > free_bytes(g))
        page_out(g, u64_min(wanted + emergency - free_bytes(g), in_tick(m, SWAP_RATE)));
    uint64_t got = u64_min(wanted, u64_sub(free_bytes(g), emergency));

    g->actual -= got;
    m->inflated += got;
    g->out = u64_min(g->out, g->actual);
    g->resident = u64_min(g->resident, g->actual - g->out);
}

static bool stands_still(const struct model *m, const struct model_guest *g)
{
    return g->paused || g->unreachable || m->now <= g->block_until;
}

static void live(struct model *m, struct model_guest *g)
{
    if (!stands_still(m, g)) {
        work(m, g);
        if (g->driver == MODEL_DRIVER_WORKS)
            move_balloon(m, g);
        touch(g);
    }
    if (m->now <= g->block_until)
        g->blocked += m->tick;
    if (!g->pager)
        return;
    if (!g->paused && m->now > g->block_until)
        load(m, g);
    put_out(m, g);
}

static struct pager_observation look_at_pager(const struct model *m, const struct model_guest *g)
{
    unsigned permille =
        (unsigned)(1000.0 * (double)hot_bytes(g) / (double)u64_max(g->resident + g->out, 1));

    return (struct pager_observation){
        .present = g->pager,
        .kernel = g->kernel,
        .parked = g->parked,
        .out = g->out,
        .room = u64_sub(g->size - g->settings.reservation, g->out),
        .allowed = g->allowed,
        .loaded = g->loaded,
        .moved_out = g->moved_out,
        .waited = g->waited,
        .windows = g->samples ? m->now / USEC_PER_SEC / 10 : 0,
        .permille = permille,
    };
}

static struct guest_stats report(const struct model *m, struct model_guest *g)
{
    struct guest_stats s = GUEST_STATS_NONE;

    if (g->driver >= MODEL_DRIVER_ABSENT || g->stats == MODEL_STATS_NONE)
        return s;
    if (g->stats != MODEL_STATS_FROZEN && !g->paused && m->now > g->block_until)
        g->last_update = m->now / USEC_PER_SEC;
    s.last_update = g->last_update;
    s.total = usable(g);
    s.free = free_bytes(g);
    s.available = u64_sub(free_bytes(g) + g->cache, 4 * MIB);
    s.caches = g->cache;
    s.swap_in = g->swap_in;
    s.swap_out = g->swap_out;
    s.major_faults = g->swap_in / 4096;
    s.minor_faults = s.major_faults + 1000;
    if (g->stats == MODEL_STATS_LIE_IDLE)
        s.free = s.available = s.total - MIB;
    if (g->stats == MODEL_STATS_LIE_HUNGRY) {
        s.available = s.free = 0;
        s.swap_in = m->now / USEC_PER_SEC * 10 * MIB;
    }
    if (g->stats == MODEL_STATS_ABSURD)
        s.available = UINT64_C(1) << 62;
    return s;
}

/* A look between two polls sees the guest's memory only. */
static bool observe(struct model *m, struct model_guest *g, bool partial)
{
    if (!partial)
        g->said = report(m, g);
    if (!partial)
        g->actual_seen = g->actual;
    struct guest_observation o = {
        .size = g->size,
        .resident = g->resident,
        .actual = g->actual_seen,
        .partial = partial,
        .balloon_device = g->driver != MODEL_NO_DEVICE,
        .reachable = !g->unreachable,
        .running = !g->paused,
        .blocked = g->blocked,
        .pressure = USEC_NEVER,
        .stats = g->said,
        .pager = look_at_pager(m, g),
    };

    g->kernel_excess = g->kernel ? u64_sub(g->resident, g->allowed) : 0;
    policy_guest_configure(g->policy, &g->settings);
    return policy_guest_observe(m->policy, g->policy, &o, m->now);
}

static void allow(struct model *m, struct model_guest *g)
{
    const struct verdict *v = &g->view.verdict;

    m->evictions_in_high += v->state == HOST_HIGH && v->allowed < g->resident;
    g->allowed_flips += (v->allowed == ALLOWED_ANY) != (g->allowed == ALLOWED_ANY);
    g->allowed_sent++;
    g->allowed = v->allowed;
    g->kernel_excess = g->kernel ? u64_sub(g->resident, g->allowed) : 0;
}

static void enact(struct model *m, struct model_guest *g)
{
    const struct verdict *v = &g->view.verdict;

    if (v->allow)
        allow(m, g);
    if (v->block) {
        g->block_until = m->now + v->block;
        g->blocks++;
    }
    if (v->mechanism != MECHANISM_BALLOON)
        return;
    if (v->to < v->from) {
        m->inflations_in_high +=
            v->state == HOST_HIGH && v->reason != REASON_LIMIT && v->reason != REASON_RELIEVE_PAGER;
        /* The same target again, after it could not be reached. */
        g->unreachable_targets += v->to == g->last_inflate_target && g->actual == g->size;
        g->last_inflate_target = v->to;
    }
    g->target = (v->to + 4095) / 4096 * 4096; /* as QEMU and the guest, in pages */
    g->targets_sent++;
    policy_guest_target_sent(g->policy, v->to, m->now);
}

static void decide(struct model *m)
{
    g_assert_cmpint(policy_decide(m->policy, &m->host, m->now), ==, 0);
    for (size_t i = 0; i < m->n; i++)
        if (m->guests[i].policy)
            policy_guest_view(m->guests[i].policy, &m->guests[i].view);
    for (size_t i = 0; policy_decision(m->policy, i); i++)
        for (size_t j = 0; j < m->n; j++)
            if (m->guests[j].policy == policy_decision(m->policy, i))
                enact(m, &m->guests[j]);
}

/* Shown by --verbose, and with a failed test's log. */
static void tell(const struct model *m)
{
    struct host_view host;
    char text[400];

    policy_host_view(m->policy, &host);
    for (size_t i = 0; i < m->n; i++) {
        const struct model_guest *g = &m->guests[i];

        if (g->policy)
            g_test_message("%us %s free %" G_GUINT64_FORMAT " guest %zu used %" G_GUINT64_FORMAT
                           " swapped %" G_GUINT64_FORMAT " actual %" G_GUINT64_FORMAT ": %s",
                           (unsigned)(m->now / USEC_PER_SEC), host_state_name(host.state),
                           host.free / MIB, i, g->used / MIB, g->swapped / MIB, g->actual / MIB,
                           policy_reason_text(&g->view.verdict, text, sizeof(text)));
        if (g->policy && g->pager)
            g_test_message("   pager: out %" G_GUINT64_FORMAT ": %s", g->out / MIB,
                           policy_allowed_text(&g->view.verdict, text, sizeof(text)));
    }
}

uint64_t model_held(const struct model *m)
{
    uint64_t held = 0;

    for (size_t i = 0; i < m->n; i++)
        if (m->guests[i].policy)
            held += m->guests[i].resident;
    return held;
}

void model_step(struct model *m)
{
    bool urgent = false, poll;

    m->now += m->tick;
    poll = m->now >= m->polled_at + USEC_PER_SEC;
    bool look = poll || m->now >= m->look_at;
    for (size_t i = 0; i < m->n; i++) {
        if (!m->guests[i].policy)
            continue;
        live(m, &m->guests[i]);
        if (look)
            urgent |= observe(m, &m->guests[i], !poll);
    }
    m->most_held = u64_max(m->most_held, model_held(m));
    if (poll)
        m->polled_at = m->now;
    if ((urgent && m->now >= m->decided_at + u64_min(m->tick, DECISION_GAP_USEC)) ||
        m->now >= m->decided_at + m->period * USEC_PER_SEC) {
        decide(m);
        m->decided_at = m->now;
    }
    if (look) {
        m->looks++;
        m->look_at = m->now + policy_look_in(m->policy, LOOK_LEAST_USEC, USEC_PER_SEC);
    }
    if (poll)
        tell(m);
}

void model_run(struct model *m, unsigned seconds)
{
    for (usec_t end = m->now + seconds * USEC_PER_SEC; m->now < end;)
        model_step(m);
}
