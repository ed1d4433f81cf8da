/* SPDX-License-Identifier: Apache-2.0 */
/* Random hosts for the property tests: repeatable by AEROSTAT_SEED, printed with every run. */
#pragma once

#include <glib.h>
#include <stdlib.h>

#include "core/units.h"
#include "core/waterfill.h"

#define PAGE      UINT64_C(4096)
#define HOST_MAX  12 /* guests of a random host */
#define PAGES_MAX 400

static inline GRand *random_seeded(void)
{
    const char *text = g_getenv("AEROSTAT_SEED");
    guint32 seed = text ? (guint32)strtoul(text, NULL, 10) : g_random_int();

    g_test_message("AEROSTAT_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}

static inline uint64_t random_pages(GRand *rand, uint64_t most)
{
    return PAGE * (uint64_t)g_rand_int_range(rand, 0, (gint32)(most / PAGE) + 1);
}

/* Bounds, activity and what is available are whole pages, so that both solvers can meet exactly. */
static inline size_t random_guests(GRand *rand, struct waterfill_guest *guests, uint64_t *available)
{
    size_t n = (size_t)g_rand_int_range(rand, 1, HOST_MAX + 1);
    uint64_t hi_sum = 0;

    for (size_t i = 0; i < n; i++) {
        struct waterfill_guest *g = &guests[i];

        *g = (struct waterfill_guest){.shares = g_rand_int_range(rand, 1, 5000),
                                      .hi = random_pages(rand, PAGES_MAX * PAGE)};
        if (g_rand_boolean(rand))
            g->lo = random_pages(rand, g->hi);
        g->active = random_pages(rand, g_rand_boolean(rand) ? g->hi : 2 * PAGES_MAX * PAGE);
        hi_sum += g->hi;
    }
    *available = random_pages(rand, hi_sum + 10 * PAGE);
    return n;
}

static inline double random_tax(GRand *rand)
{
    static const double taxes[] = {0, 0.25, 0.5, 0.75, 0.9, 0.99};

    return taxes[g_rand_int_range(rand, 0, G_N_ELEMENTS(taxes))];
}
