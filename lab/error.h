/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's errors, and the exit statuses that they lead to. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum lab_exit {
    LAB_EXIT_OK = 0,
    LAB_EXIT_MISSED = 1, /* a goal of the scenario was missed */
    LAB_EXIT_USAGE = 2,  /* wrong command line or scenario */
    LAB_EXIT_TROUBLE =
        3, /* the run could not be made: no QEMU, no daemon, a guest that does not boot */
};

enum lab_error {
    LAB_ERROR_SCENARIO = LAB_EXIT_USAGE,
    LAB_ERROR_TROUBLE = LAB_EXIT_TROUBLE,
};

#define LAB_ERROR (lab_error_quark())

static inline GQuark lab_error_quark(void)
{
    return g_quark_from_static_string("aerostat-lab");
}

/* Sets @error to LAB_ERROR_SCENARIO with the message, and returns false. */
bool lab_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
