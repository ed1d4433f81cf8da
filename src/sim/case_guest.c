/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/case_guest.h"

#include "scenario/error.h"
#include "scenario/shares.h"

static const enum sim_ram rams[] = {
    [GUEST_RAM_MEMFD] = SIM_RAM_MEMFD,
    [GUEST_RAM_PRIVATE] = SIM_RAM_PRIVATE,
};

static const enum sim_balloon balloons[] = {
    [BALLOON_WORKS] = SIM_BALLOON_WORKS,         [BALLOON_NO_DRIVER] = SIM_BALLOON_NO_DRIVER,
    [BALLOON_NO_DEVICE] = SIM_BALLOON_NO_DEVICE, [BALLOON_IGNORES] = SIM_BALLOON_IGNORES,
    [BALLOON_SLOW] = SIM_BALLOON_SLOW,           [BALLOON_STUCK] = SIM_BALLOON_STUCK,
};

static const enum sim_stats lies[] = {
    [LIE_NONE] = SIM_STATS_TRUE,       [LIE_IDLE] = SIM_STATS_IDLE,
    [LIE_STARVED] = SIM_STATS_STARVED, [LIE_FROZEN] = SIM_STATS_FROZEN,
    [LIE_ABSURD] = SIM_STATS_ABSURD,   [LIE_NO_STATS] = SIM_STATS_NONE,
    [LIE_LATE] = SIM_STATS_LATE,       [LIE_WINDOWS] = SIM_STATS_WINDOWS,
};

static bool read_shares(const struct sim_case *c, const struct scenario_guest *g, uint64_t *ret,
                        GError **error)
{
    double shares;

    *ret = 0;
    if (!g->shares)
        return true;
    if (!shares_of(g, &shares))
        return scenario_fail(error,
                             "%s: [guest %s] shares: \"%s\"; allowed are high, normal, low, or a "
                             "whole number above 0",
                             c->scenario->path, g->name, g->shares);
    *ret = u64_max((uint64_t)shares, 1);
    return true;
}

bool case_guest_spec(const struct sim_case *c, const struct scenario_guest *g,
                     struct sim_guest_spec *ret, GError **error)
{
    *ret = (struct sim_guest_spec){
        .name = g->name,
        .size = g->size,
        .min = g->min,
        .settings = {.reservation = g->reservation, .limit = g->limit, .exempt = g->exempt},
        .ram = rams[g->ram],
        .balloon = balloons[g->balloon],
        .stats = lies[g->lie],
        .deflate_on_oom = g->deflate_on_oom,
        .free_page_reporting = g->free_page_reporting,
        .pager = c->scenario->pager && g->pager && c->settings.pager_enable,
        .share = g->share != NULL,
        .swap = g->swap,
        .vcpus = g->vcpus,
        .start = g->start > 0 ? case_clock(g->start) : 0,
        .end = USEC_NEVER,
    };
    return read_shares(c, g, &ret->settings.shares, error);
}

static int find_ram(enum sim_ram ram)
{
    return ram == SIM_RAM_PRIVATE ? GUEST_RAM_PRIVATE : GUEST_RAM_MEMFD;
}

static int find_balloon(enum sim_balloon balloon)
{
    int i = 0;

    while (balloons[i] != balloon)
        i++;
    return i;
}

void case_guest_complete(struct scenario_guest *g, const struct sim_guest_spec *traced)
{
    if (g->size == 0)
        g->size = traced->size;
    if (!g->shares && traced->settings.shares > 0)
        g->shares = g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)traced->settings.shares);
    if (g->reservation == 0)
        g->reservation = traced->settings.reservation;
    if (g->limit == 0)
        g->limit = traced->settings.limit;
    if (g->swap == 0)
        g->swap = traced->swap;
    if (g->ram == GUEST_RAM_MEMFD)
        g->ram = find_ram(traced->ram);
    if (g->balloon == BALLOON_WORKS)
        g->balloon = find_balloon(traced->balloon);
    if (g->start <= 0)
        g->start = (double)traced->start / 1e6;
    if (!g->share && traced->share)
        g->share = g_strdup("trace");
    g->vcpus = MAX(g->vcpus, traced->vcpus);
    g->pager = g->pager && traced->pager;
}
