/* SPDX-License-Identifier: Apache-2.0 */
/* How the host and its guests went through the states: the figures of measure.h for it. */
#include <math.h>

#include "core/units.h"
#include "scenario/measure.h"
#include "scenario/states.h"

/* Somebody held for less than this in all tells nothing about fairness: it is but a slice or two.
 */
#define BLOCKED_LEAST_SECONDS 1.0

/* Of one phase of work. */
static double pause_within(const struct record *r, const struct work_phase *w)
{
    uint64_t operations = w->operations_before, owned = 0;
    double since = w->begin, longest = 0;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct agent_report *report = &record_guest(r, i, w->guest)->report;
        double t = record_host(r, i)->t;

        if (t < w->begin || (w->end > 0 && t > w->end))
            continue;
        longest = MAX(longest, t - since);
        if (report->operations > operations || report->owned > owned)
            since = t;
        operations = u64_max(operations, report->operations);
        owned = u64_max(owned, report->owned);
    }
    return longest;
}

double measure_pause(const struct record *r, unsigned guest)
{
    double longest = NAN;

    for (unsigned i = 0; i < r->work->len; i++) {
        const struct work_phase *w = &g_array_index(r->work, struct work_phase, i);

        if (w->guest == guest)
            longest = fmax(longest, pause_within(r, w));
    }
    return longest;
}

double measure_recovery(const struct record *r, double after)
{
    g_autoptr(GArray) states = states_of(r);

    if (states_at(states, after) == HOST_HIGH)
        return 0;
    for (unsigned i = 0; i < states->len; i++)
        if (states_get(states, i)->t > after && states_get(states, i)->state == HOST_HIGH)
            return states_get(states, i)->t - after;
    return (double)INFINITY;
}

double measure_back_below(const struct record *r, double after)
{
    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct host_sample *h = record_host(r, i);

        if (h->t > after && h->resident <= u64_sub(h->capacity, h->minfree))
            return h->t - after;
    }
    return (double)INFINITY;
}

double measure_entitled(const struct record *r, unsigned guest, double from, double to)
{
    double resident = 0, entitled = 0;

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct guest_sample *s = record_guest(r, i, guest);

        if (record_host(r, i)->t < from || record_host(r, i)->t > to || !s->alive || !s->known)
            continue;
        resident += (double)(s->resident + s->pager.cache);
        entitled += (double)s->entitled;
    }
    return entitled > 0 ? fabs(resident - entitled) / entitled : (double)NAN;
}

/* The last that was said of it: a guest that ends takes its account along. */
static struct blocked_sample last_blocked(const struct record *r, unsigned guest)
{
    struct blocked_sample last = {0};

    for (unsigned i = 0; i < r->hosts->len; i++) {
        const struct blocked_sample *b = &record_guest(r, i, guest)->blocked;

        last.seconds = MAX(last.seconds, b->seconds);
        last.owed = MAX(last.owed, b->owed);
    }
    return last;
}

double measure_blocked_fair(const struct record *r, unsigned guest, double seconds)
{
    double owed = 0;

    for (unsigned g = 0; g < r->guests; g++)
        owed += last_blocked(r, g).owed;
    return owed > 0 ? seconds * last_blocked(r, guest).owed / owed : 0;
}

struct blocked_fairness measure_blocked(const struct record *r)
{
    struct blocked_fairness b = {0};
    double most = 0;

    for (unsigned g = 0; g < r->guests; g++) {
        b.seconds += last_blocked(r, g).seconds;
        most = MAX(most, last_blocked(r, g).seconds);
    }
    if (most <= BLOCKED_LEAST_SECONDS)
        return b;
    for (unsigned g = 0; g < r->guests; g++) {
        double fair = measure_blocked_fair(r, g, b.seconds);
        double off = fabs(last_blocked(r, g).seconds - fair);

        b.worst = MAX(b.worst, off / MAX(fair, BLOCKED_LEAST_SECONDS));
    }
    return b;
}
