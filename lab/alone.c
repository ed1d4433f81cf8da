/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/alone.h"

#include <glib/gstdio.h>

#include "lab/loop.h"
#include "lab/solo.h"
#include "scenario/error.h"

/* From the order until the work is in full swing: the working set filled, the file written. */
#define SETTLE_SECONDS 60.0

static const struct phase *phase_of(const struct scenario_guest *g, unsigned i)
{
    return &g_array_index(g->phases, struct phase, i);
}

static bool works(const struct scenario_guest *g)
{
    for (unsigned i = 0; i < g->phases->len; i++)
        if (phase_is_work(phase_of(g, i)->kind))
            return true;
    return false;
}

/* A rate that is known already: of the same work, of this guest or of one of the same section. */
static const struct alone_rate *find_rate(const struct scenario *s, const GArray *rates,
                                          unsigned guest, const struct phase *phase)
{
    for (unsigned i = 0; i < rates->len; i++) {
        const struct alone_rate *r = &g_array_index(rates, struct alone_rate, i);
        const struct scenario_guest *other = scenario_guest(s, r->guest);

        if (other->phases == scenario_guest(s, guest)->phases &&
            phase_same_work(phase_of(other, r->phase), phase))
            return r;
    }
    return NULL;
}

/* Until what it works on is there. */
static bool settle(struct member *m, const struct phase *phase, GError **error)
{
    gint64 begin = g_get_monotonic_time();
    uint64_t wanted = phase->kind == PHASE_TOUCH ? phase->bytes : 0;
    uint64_t operations = agent_last(m->agent)->operations;

    while (agent_last(m->agent)->owned < wanted || agent_last(m->agent)->operations == operations) {
        if (loop_since(begin) > SETTLE_SECONDS) {
            g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE,
                        "guest %s does not get to work, even alone: %s", m->spec->name,
                        agent_last(m->agent)->error);
            return false;
        }
        if (!solo_serve(m, error))
            return false;
    }
    return solo_serve_seconds(m, 1, error);
}

static bool measure_phase(struct member *m, const struct phase *phase, double seconds,
                          double *ret_rate, GError **error)
{
    const struct phase all = {.kind = PHASE_FREE};
    struct agent_report before, after;

    if (!solo_order(m, phase, error) || !settle(m, phase, error))
        return false;
    before = *agent_last(m->agent);
    if (!solo_serve_seconds(m, seconds, error))
        return false;
    after = *agent_last(m->agent);
    *ret_rate = (double)(after.operations - before.operations) /
                ((double)(after.received - before.received) / 1e6);
    return solo_order(m, &all, error);
}

static bool measure_guest(const struct scenario *s, unsigned guest, struct member *m, GArray *rates,
                          GError **error)
{
    for (unsigned i = 0; i < m->spec->phases->len; i++) {
        const struct phase *phase = phase_of(m->spec, i);
        const struct alone_rate *known =
            phase_is_work(phase->kind) ? find_rate(s, rates, guest, phase) : NULL;
        struct alone_rate rate = {.guest = guest, .phase = i, .rate = known ? known->rate : 0};

        if (!phase_is_work(phase->kind))
            continue;
        if (!known && !measure_phase(m, phase, s->alone_seconds, &rate.rate, error))
            return false;
        g_array_append_val(rates, rate);
    }
    return true;
}

/* Are all its rates known from another guest of its section? */
static bool copy_known(const struct scenario *s, unsigned guest, GArray *rates)
{
    unsigned before = rates->len;
    const struct scenario_guest *g = scenario_guest(s, guest);

    for (unsigned i = 0; i < g->phases->len; i++) {
        const struct alone_rate *known = find_rate(s, rates, guest, phase_of(g, i));
        struct alone_rate rate = {.guest = guest, .phase = i, .rate = known ? known->rate : 0};

        if (known)
            g_array_append_val(rates, rate);
    }
    return rates->len > before;
}

static bool boot_and_measure(const struct scenario *s, unsigned guest, const char *directory,
                             GArray *rates, GError **error)
{
    const struct member_places places = {.sockets = directory, .directory = directory};
    struct member m;
    bool ok;

    member_init(&m, scenario_guest(s, guest));
    ok = solo_boot(&m, &places, error) && measure_guest(s, guest, &m, rates, error);
    member_deinit(&m);
    return ok;
}

GArray *alone_measure(const struct scenario *scenario, const char *directory, GError **error)
{
    g_autoptr(GArray) rates = g_array_new(FALSE, FALSE, sizeof(struct alone_rate));
    g_autofree char *places = g_build_filename(directory, "alone", NULL);

    if (g_mkdir_with_parents(places, 0700) < 0) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "%s: no directory can be made",
                    places);
        return NULL;
    }
    for (unsigned g = 0; g < scenario->guests->len; g++) {
        if (!works(scenario_guest(scenario, g)) || copy_known(scenario, g, rates))
            continue;
        if (!boot_and_measure(scenario, g, places, rates, error))
            return NULL;
    }
    return g_steal_pointer(&rates);
}

void alone_apply(const GArray *rates, struct record *record)
{
    for (unsigned i = 0; i < record->work->len; i++) {
        struct work_phase *w = &g_array_index(record->work, struct work_phase, i);

        for (unsigned k = 0; k < rates->len; k++) {
            const struct alone_rate *r = &g_array_index(rates, struct alone_rate, k);

            if (r->guest == w->guest && r->phase == w->phase)
                w->alone_rate = r->rate;
        }
    }
}
