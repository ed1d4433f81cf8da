/* SPDX-License-Identifier: Apache-2.0 */
/* The two measures that compare a run with the oracle (measure.h). */
#include <math.h>
#include <string.h>

#include "core/policy.h"
#include "core/units.h"
#include "scenario/measure.h"
#include "scenario/oracle.h"
#include "scenario/shares.h"

uint64_t measure_need(const struct record *r, unsigned guest, double t)
{
    const struct scenario_guest *g = scenario_guest(r->scenario, guest);
    uint64_t owned = 0;

    for (unsigned i = 0; i < g->phases->len; i++) {
        const struct phase *p = &g_array_index(g->phases, struct phase, i);

        if (p->at > t)
            break;
        if (p->kind == PHASE_FILL || p->kind == PHASE_TOUCH)
            owned = u64_max(owned, p->bytes);
        else if (p->kind == PHASE_FREE)
            owned = u64_min(owned, p->bytes);
        else if (p->kind == PHASE_KILL || p->kind == PHASE_QUIT)
            return 0;
    }
    return u64_min(r->outcomes[guest].base + owned, g->size);
}

/* Page cache that the guest has filled before @t: it needs none of it, but occupies the host by it.
 */
static uint64_t cached(const struct scenario_guest *g, double t)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < g->phases->len; i++) {
        const struct phase *p = &g_array_index(g->phases, struct phase, i);

        if (p->kind == PHASE_STREAM && p->at < t)
            bytes = u64_max(bytes, p->bytes);
    }
    return bytes;
}

/* First sample at or after @t; the last one where there is none. */
static unsigned sample_at(const struct record *r, double t)
{
    unsigned i = 0;

    while (i + 1 < r->hosts->len && record_host(r, i)->t < t)
        i++;
    return i;
}

static int compare_times(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* All times at which somebody's need may change. */
static GArray *boundaries(const struct record *r)
{
    GArray *times = g_array_new(FALSE, FALSE, sizeof(double));

    for (unsigned g = 0; g < r->guests; g++) {
        const struct scenario_guest *guest = scenario_guest(r->scenario, g);

        g_array_append_val(times, guest->start);
        for (unsigned i = 0; i < guest->phases->len; i++)
            g_array_append_val(times, g_array_index(guest->phases, struct phase, i).at);
    }
    for (unsigned i = 0; i < r->scenario->phases->len; i++)
        g_array_append_val(times, g_array_index(r->scenario->phases, struct phase, i).at);
    g_array_sort(times, compare_times);
    return times;
}

/* A guest joins the ideal as it is when it starts, and leaves it when it ends. */
static void update(struct oracle_guest *o, const struct record *r, unsigned guest, double t)
{
    const struct guest_sample *s = record_guest(r, sample_at(r, t), guest);
    uint64_t cache = cached(scenario_guest(r->scenario, guest), t);

    o->need = measure_need(r, guest, t);
    if (o->size == 0 && s->alive) {
        o->size = s->size;
        o->granted = s->granted;
        o->held = u64_min(s->resident, s->granted);
    }
    o->held = u64_min(o->granted, u64_max(o->held, r->outcomes[guest].base + cache));
    if (o->size > 0 && o->need == 0)
        *o = (struct oracle_guest){.size = 0};
}

uint64_t measure_ideal(const struct record *r)
{
    g_autoptr(GArray) times = boundaries(r);
    g_autofree struct oracle_guest *guests = g_new0(struct oracle_guest, r->guests);
    uint64_t moved = 0;

    if (r->hosts->len == 0)
        return 0;
    for (unsigned i = 0; i < times->len; i++) {
        double t = g_array_index(times, double, i);
        const struct host_sample *host = record_host(r, sample_at(r, t));

        if (i > 0 && !islessgreater(t, g_array_index(times, double, i - 1)))
            continue;
        for (unsigned g = 0; g < r->guests; g++)
            update(&guests[g], r, g, t);
        moved += oracle_step(guests, r->guests, u64_sub(host->capacity, host->minfree));
    }
    return moved;
}

/* The part of its size that a guest always keeps: what its balloon may not take. */
static double least_part(const struct scenario *s)
{
    double part = policy_params_default().balloon_max;

    for (unsigned i = 0; i < s->settings->len; i++) {
        const struct scenario_setting *setting = g_ptr_array_index(s->settings, i);

        if (strcmp(setting->section, "policy") == 0 && strcmp(setting->key, "balloon-max") == 0)
            part = g_ascii_strtod(setting->value, NULL);
    }
    return 1 - part;
}

double measure_split(const struct record *r, double from, double to)
{
    g_autofree struct oracle_share *split = g_new0(struct oracle_share, r->guests);
    double worst = 0;

    if (r->hosts->len == 0)
        return INFINITY;
    for (unsigned g = 0; g < r->guests; g++) {
        const struct scenario_guest *guest = scenario_guest(r->scenario, g);
        uint64_t hi = guest->limit > 0 ? u64_min(guest->limit, guest->size) : guest->size;
        uint64_t least = (uint64_t)(least_part(r->scenario) * (double)guest->size);

        split[g] =
            (struct oracle_share){.lo = u64_min(u64_max(guest->reservation, least), hi), .hi = hi};
        if (!shares_of(guest, &split[g].shares))
            return (double)NAN; /* the daemon has refused it */
    }

    const struct host_sample *host = record_host(r, sample_at(r, to));

    oracle_split(split, r->guests, u64_sub(host->capacity, host->minfree));
    for (unsigned g = 0; g < r->guests; g++) {
        double target = (double)split[g].target;
        double deviation = fabs(measure_mean_held(r, g, from, to) - target) / target;

        worst = MAX(worst, deviation);
    }
    return worst;
}
