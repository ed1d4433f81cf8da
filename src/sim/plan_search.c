/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "sim/plan_impl.h"

/* The border is found to one part in so many. */
#define RESOLUTION 100u

unsigned plan_without(const struct plan_question *q, uint32_t seed)
{
    uint64_t sizes = 0;

    for (unsigned n = 0; n < FLEET_GUESTS_MAX; n++) {
        sizes += fleet_guest_size(q->fleet, seed, n);
        if (sizes > q->capacity)
            return n;
    }
    return FLEET_GUESTS_MAX;
}

struct search {
    const struct plan_setup *setup;
    unsigned fits, fails; /* the most that fit, the fewest that do not; fails 0: none was found */
    struct plan_border *border;
};

static void search_try(struct search *s, unsigned n)
{
    struct plan_trial trial;

    s->border->simulated_days += plan_try(s->setup, n, false, &trial);
    if (trial.fits) {
        s->fits = n;
    } else {
        s->fails = n;
        s->border->beyond = trial;
    }
}

/* Between one that fits and one that does not. */
static void bracket(struct search *s, unsigned guess, double factor)
{
    unsigned least = s->fits, n = CLAMP(guess, least + 1, FLEET_GUESTS_MAX);

    search_try(s, n);
    while (!s->fails && n < FLEET_GUESTS_MAX) {
        n = (unsigned)fmin(ceil(n * factor), FLEET_GUESTS_MAX);
        n = n == s->fits ? n + 1 : n;
        search_try(s, n);
    }
    while (s->fits == least && s->fails > least + 1 && n > least + 1) {
        n = MAX((unsigned)floor(n / factor), least + 1);
        search_try(s, n);
    }
}

void plan_search(const struct plan_setup *setup, unsigned guess, double factor,
                 struct plan_border *ret)
{
    struct search s = {.setup = setup, .border = ret};

    *ret = (struct plan_border){0};
    s.fits = plan_without(setup->question, setup->seed);
    if (s.fits < FLEET_GUESTS_MAX)
        bracket(&s, guess, factor);
    while (s.fails > s.fits + MAX(1, s.fits / RESOLUTION))
        search_try(&s, s.fits + (s.fails - s.fits) / 2);
    ret->fits = s.fits;
}
