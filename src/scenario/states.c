/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/states.h"

#include <string.h>

#include "base/json.h"

static enum host_state parse_state(const char *name)
{
    int s = 0;

    while (s < HOST_STATE_MAX && strcmp(host_state_name(s), name) != 0)
        s++;
    return s;
}

static int compare(const void *a, const void *b)
{
    const struct state_change *x = a, *y = b;

    return (x->t > y->t) - (x->t < y->t);
}

static void add(GArray *all, double t, const char *name)
{
    struct state_change change = {.t = t, .state = parse_state(name)};

    if (change.state < HOST_STATE_MAX)
        g_array_append_val(all, change);
}

static void add_events(GArray *all, const struct record *r)
{
    for (unsigned i = 0; i < r->events->len; i++) {
        struct json_object *event = g_ptr_array_index(r->events, i);
        const char *kind, *state;
        double t;

        if (json_get_string(event, "kind", &kind) && strcmp(kind, "host-state") == 0 &&
            json_get_string(event, "state", &state) && json_get_double(event, "time", &t) && t >= 0)
            add(all, t, state);
    }
}

GArray *states_of(const struct record *r)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct state_change));
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(struct state_change));

    for (unsigned i = 0; i < r->hosts->len; i++)
        add(all, record_host(r, i)->t, record_host(r, i)->state);
    add_events(all, r);
    g_array_sort(all, compare);
    for (unsigned i = 0; i < all->len; i++)
        if (i == 0 || states_get(all, i)->state != states_get(all, i - 1)->state)
            g_array_append_val(changes, *states_get(all, i));
    return changes;
}

enum host_state states_at(const GArray *states, double t)
{
    enum host_state state = HOST_STATE_MAX;

    for (unsigned i = 0; i < states->len && states_get(states, i)->t <= t; i++)
        state = states_get(states, i)->state;
    return state;
}

bool states_in_force(const GArray *states, unsigned mask, double from, double to)
{
    for (unsigned i = 0; i < states->len; i++) {
        bool begun = states_get(states, i)->t <= to;
        bool over = i + 1 < states->len && states_get(states, i + 1)->t < from;

        if (begun && !over && mask & 1U << states_get(states, i)->state)
            return true;
    }
    return false;
}
