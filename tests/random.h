/* SPDX-License-Identifier: Apache-2.0 */
/* Random tests can be repeated: they print their seed and take it from AEROSTAT_SEED. */
#pragma once

#include <glib.h>
#include <stdlib.h>

static inline GRand *random_seeded(void)
{
    const char *text = g_getenv("AEROSTAT_SEED");
    guint32 seed = text ? (guint32)strtoul(text, NULL, 10) : g_random_int();

    g_test_message("AEROSTAT_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}
