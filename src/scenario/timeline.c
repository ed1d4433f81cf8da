/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/timeline.h"

#include <stdio.h>
#include <string.h>

#include "scenario/measure.h"
#include "scenario/movement.h"
#include "scenario/states.h"

/* Changes of the host's state, and stretches of one mechanism, that are listed; a run that flaps
 * has more. */
#define CHANGES_MAX   24
#define STRETCHES_MAX 6

static void print_states(const struct record *r, const GArray *states)
{
    printf("Host states:");
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        double seconds = measure_state_seconds(r, host_state_name(s));

        if (seconds > 0)
            printf(" %s %.1f s", host_state_name(s), seconds);
    }
    printf(".\nTimeline:");
    for (unsigned i = 0; i < states->len && i < CHANGES_MAX; i++)
        printf("%s %.1f s %s", i > 0 ? "," : "", states_get(states, i)->t,
               host_state_name(states_get(states, i)->state));
    if (states->len > CHANGES_MAX)
        printf(" and %u changes more", states->len - CHANGES_MAX);
    printf("\n");
}

/* Of what happened between two samples, the state that it began in counts. */
static void sum_by_state(const struct record *r, const GArray *states, enum means m,
                         double sums[HOST_STATE_MAX])
{
    for (unsigned i = 1; i < r->hosts->len; i++) {
        double amount = movement_between(r, m, i, EVERY_GUEST);
        enum host_state state = states_at(states, record_host(r, i - 1)->t);

        if (movement_counts(m, amount) && state < HOST_STATE_MAX)
            sums[state] += amount;
    }
}

static void print_stretches(const GArray *stretches)
{
    for (unsigned i = 0; i < stretches->len && i < STRETCHES_MAX; i++) {
        const struct movement_stretch *s = &g_array_index(stretches, struct movement_stretch, i);

        printf("%s%.1f-%.1f s", i > 0 ? ", " : "  ", s->from, s->to);
    }
    if (stretches->len > STRETCHES_MAX)
        printf(" and %u times more", stretches->len - STRETCHES_MAX);
    printf("\n");
}

static void print_mechanism(const struct record *r, const GArray *states, enum means m)
{
    g_autoptr(GArray) stretches = movement_stretches(r, m);
    double sums[HOST_STATE_MAX] = {0};

    sum_by_state(r, states, m, sums);
    printf("  %-10s", means_name(m));
    for (int s = 0; s < HOST_STATE_MAX; s++) {
        g_autofree char *text = movement_format(m, sums[s]);

        printf(" %8s", sums[s] > 0 ? text : "-");
    }
    print_stretches(stretches);
}

void timeline_print(const struct record *r)
{
    g_autoptr(GArray) states = states_of(r);

    print_states(r, states);
    printf("  %-10s", "put out");
    for (int s = 0; s < HOST_STATE_MAX; s++)
        printf(" %8s", host_state_name(s));
    printf("  when\n");
    for (int m = 0; m < MEANS_MAX; m++)
        print_mechanism(r, states, m);
}
