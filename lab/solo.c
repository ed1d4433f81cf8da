/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/solo.h"

#include "lab/loop.h"
#include "scenario/error.h"

#define TICK_MSEC 20

bool solo_serve(struct member *m, GError **error)
{
    struct guest_outcome outcome = {0};

    if (!loop_serve(TICK_MSEC) || !member_check(m, &outcome, error))
        return false;
    if (m->state != MEMBER_ENDED)
        return true;
    g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_TROUBLE, "guest %s ended while it was alone",
                m->spec->name);
    return false;
}

bool solo_serve_seconds(struct member *m, double seconds, GError **error)
{
    gint64 begin = g_get_monotonic_time();

    while (loop_since(begin) < seconds)
        if (!solo_serve(m, error))
            return false;
    return true;
}

bool solo_boot(struct member *m, const struct member_places *places, GError **error)
{
    if (!member_boot(m, places, error))
        return false;
    while (m->state != MEMBER_READY)
        if (!solo_serve(m, error))
            return false;
    return true;
}

bool solo_order(struct member *m, const struct phase *phase, GError **error)
{
    struct guest_outcome outcome = {0};

    while (!member_perform(m, phase, &outcome, error))
        if ((error && *error) || !solo_serve(m, error))
            return false;
    return true;
}
