/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/measure.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "core/stats.h"
#include "core/units.h"
#include "scenario/oracle.h"

struct moved measure_moved(const struct record *r)
{
    struct moved m = {0};

    for (unsigned i = 1; i < r->hosts->len; i++)
        for (unsigned g = 0; g < r->guests; g++) {
            const struct guest_sample *was = record_guest(r, i - 1, g);
            const struct guest_sample *is = record_guest(r, i, g);

            if (!was->known || !is->known)
                continue;
            m.inflated += u64_sub(was->granted, is->granted);
            m.deflated += u64_sub(is->granted, was->granted);
        }
    return m;
}

/* Starved while something was taken from it. */
static bool is_sign(const struct guest_sample *s)
{
    return s->alive && s->starving && s->size > s->granted + MEASURE_RELIEF_BYTES;
}

/* The clock when the guest's visible size first grew, from the @from-th sample on. */
static double first_growth(const struct record *r, unsigned guest, unsigned from)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = from; i < r->hosts->len; i++) {
        const struct guest_sample *s = record_guest(r, i, guest);

        if (!s->known)
            continue;
        if (least != UINT64_MAX && s->granted >= least + MEASURE_RELIEF_BYTES)
            return record_host(r, i)->t;
        least = u64_min(least, s->granted);
    }
    return (double)INFINITY;
}

struct relief measure_relief(const struct record *r, unsigned guest)
{
    for (unsigned i = 0; i < r->hosts->len; i++)
        if (is_sign(record_guest(r, i, guest)))
            return (struct relief){.sign = record_host(r, i)->t,
                                   .relief = first_growth(r, guest, i)};
    return (struct relief){.sign = -1, .relief = first_growth(r, guest, 0)};
}

/* Time until the next sample; 0 for the last. */
static double span(const struct record *r, unsigned i)
{
    return i + 1 < r->hosts->len ? record_host(r, i + 1)->t - record_host(r, i)->t : 0;
}

double measure_state_seconds(const struct record *r, const char *state)
{
    double seconds = 0;

    for (unsigned i = 0; i < r->hosts->len; i++)
        if (strcmp(record_host(r, i)->state, state) == 0)
            seconds += span(r, i);
    return seconds;
}

struct overshoot measure_overshoot(const struct record *r)
{
    struct overshoot o = {0};

    for (unsigned i = 0; i < r->hosts->len; i++) {
        uint64_t over = u64_sub(record_host(r, i)->resident, record_host(r, i)->capacity);

        o.worst = u64_max(o.worst, over);
        if (over > 0)
            o.seconds += span(r, i);
    }
    return o;
}

double measure_relative(const struct record *r, unsigned guest)
{
    double done = 0, alone = 0;

    for (unsigned i = 0; i < r->work->len; i++) {
        const struct work_phase *w = &g_array_index(r->work, struct work_phase, i);

        if (w->guest != guest || w->end <= w->begin || w->alone_rate <= 0)
            continue;
        done += (double)u64_sub(w->operations_after, w->operations_before);
        alone += w->alone_rate * (w->end - w->begin);
    }
    return alone > 0 ? done / alone : (double)NAN;
}

double measure_back_at_full(const struct record *r, unsigned guest, double after)
{
    double since = INFINITY;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct guest_sample *s = record_guest(r, i, guest);
        double t = record_host(r, i)->t;

        if (t < after || !s->known)
            continue;
        if (s->granted + MEASURE_FULL_BYTES < s->size)
            since = INFINITY;
        else if (!isfinite(since))
            since = t - after;
    }
    return since;
}

double measure_mean_held(const struct record *r, unsigned guest, double from, double to)
{
    double sum = 0, n = 0;

    for (unsigned i = 0; i < r->hosts->len; i++)
        if (record_host(r, i)->t >= from && record_host(r, i)->t <= to) {
            const struct guest_sample *s = record_guest(r, i, guest);

            sum += (double)(s->resident + s->pager.cache);
            n += 1;
        }
    return n > 0 ? sum / n : 0;
}

/* Targets of enacted decisions are compared in whole MiB. */
static bool sent_target(struct json_object *event, const char *guest, uint64_t *ret_mib)
{
    const char *kind, *name;
    uint64_t to;
    bool enacted;

    if (!json_get_string(event, "kind", &kind) || strcmp(kind, "decision") != 0 ||
        !json_get_string(event, "guest", &name) || strcmp(name, guest) != 0 ||
        !json_get_bool(event, "enacted", &enacted) || !enacted || !json_get_u64(event, "to", &to))
        return false;
    *ret_mib = to / MIB;
    return true;
}

/* Was granted within a MiB of @mib between the two times? */
static bool was_reached(const struct record *r, unsigned guest, uint64_t mib, double from,
                        double to)
{
    for (unsigned i = 0; i < r->hosts->len; i++) {
        double t = record_host(r, i)->t;
        uint64_t granted = record_guest(r, i, guest)->granted / MIB;

        if (t >= from && t <= to && granted + 1 >= mib && granted <= mib + 1)
            return true;
    }
    return false;
}

struct sent {
    uint64_t mib;
    double last;    /* when it was last sent */
    unsigned again; /* times since it was last reached */
};

/* The entry of @mib; a new one where there is none. */
static struct sent *find_sent(GPtrArray *all, uint64_t mib, bool *ret_new)
{
    struct sent *sent;

    *ret_new = false;
    for (unsigned i = 0; i < all->len; i++) {
        sent = g_ptr_array_index(all, i);
        if (sent->mib == mib)
            return sent;
    }
    *ret_new = true;
    sent = g_new0(struct sent, 1);
    sent->mib = mib;
    g_ptr_array_add(all, sent);
    return sent;
}

unsigned measure_resends(const struct record *r, unsigned guest)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
    const char *name = scenario_guest(r->scenario, guest)->name;
    unsigned worst = 0;

    for (unsigned i = 0; i < r->events->len; i++) {
        struct json_object *event = g_ptr_array_index(r->events, i);
        uint64_t mib;
        double time;
        bool first;

        if (!sent_target(event, name, &mib) || !json_get_double(event, "time", &time))
            continue;

        struct sent *sent = find_sent(all, mib, &first);

        if (first || was_reached(r, guest, mib, sent->last, time))
            sent->again = 0;
        else
            sent->again++;
        sent->last = time;
        worst = MAX(worst, sent->again);
    }
    return worst;
}

uint64_t measure_largest_balloon(const struct record *r, unsigned guest)
{
    uint64_t largest = 0;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct guest_sample *s = record_guest(r, i, guest);

        if (s->known)
            largest = u64_max(largest, u64_sub(s->size, s->granted));
    }
    return largest;
}

uint64_t measure_owned(const struct record *r, unsigned guest, double from, double to)
{
    uint64_t owned = 0;

    for (unsigned i = 0; i < r->hosts->len; i++)
        if (record_host(r, i)->t >= from && record_host(r, i)->t <= to)
            owned = u64_max(owned, record_guest(r, i, guest)->report.owned);
    return owned;
}

uint64_t measure_least_granted(const struct record *r, unsigned guest, double from, double to)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct guest_sample *s = record_guest(r, i, guest);

        if (s->known && record_host(r, i)->t >= from && record_host(r, i)->t <= to)
            least = u64_min(least, s->granted);
    }
    return least == UINT64_MAX ? 0 : least;
}

double measure_distrusted(const struct record *r, unsigned guest)
{
    const char *const disbelieved[] = {
        stats_trust_name(STATS_STALE),
        stats_trust_name(STATS_ABSURD),
        stats_trust_name(STATS_CONTRADICTORY),
        stats_trust_name(STATS_REFUTED),
        NULL,
    };
    double seconds = 0;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const char *trust = record_guest(r, i, guest)->trust;

        if (g_strv_contains(disbelieved, trust))
            seconds += span(r, i);
    }
    return seconds;
}

uint64_t measure_yield(const struct record *r, unsigned guest, unsigned other)
{
    uint64_t most = 0, other_then = 0, yield = 0;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        uint64_t mine = record_guest(r, i, guest)->resident;
        uint64_t others = record_guest(r, i, other)->resident;

        if (mine >= most) {
            most = mine;
            other_then = others;
        }
        yield = u64_max(yield, u64_min(most - mine, u64_sub(others, other_then)));
    }
    return yield;
}

unsigned measure_alive(const struct record *r)
{
    unsigned alive = 0;

    for (unsigned g = 0; g < r->guests; g++) {
        const struct guest_outcome *o = &r->outcomes[g];
        const struct guest_sample *last = record_last(r, g);

        if (o->asked_to_end || (last && last->alive && !o->died && !o->panicked))
            alive++;
    }
    return alive;
}
