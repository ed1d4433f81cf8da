/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with a scenario or a run of it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum scenario_error {
    SCENARIO_ERROR_INVALID = 2, /* the scenario, or what was asked for */
    SCENARIO_ERROR_TROUBLE = 3, /* the run could not be made, or its result not be written */
};

#define SCENARIO_ERROR (scenario_error_quark())

static inline GQuark scenario_error_quark(void)
{
    return g_quark_from_static_string("aerostat-scenario");
}

/* Sets @error to SCENARIO_ERROR_INVALID with the message, and returns false. */
bool scenario_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
