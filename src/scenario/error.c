/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/error.h"

bool scenario_fail(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID, text);
    return false;
}
