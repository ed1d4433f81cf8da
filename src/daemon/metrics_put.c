/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics_put.h"

void metrics_put_header(GString *text, const char *name, enum metric_type type, const char *help)
{
    static const char *const types[] = {
        [METRIC_GAUGE] = "gauge",
        [METRIC_COUNTER] = "counter",
        [METRIC_HISTOGRAM] = "histogram",
    };

    g_string_append_printf(text, "# HELP aerostat_%s %s\n# TYPE aerostat_%s %s\n", name, help, name,
                           types[type]);
}

void metrics_put_sample(GString *text, const char *name, const char *labels, double value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd(number, sizeof(number), "%.15g", value);
    g_string_append_printf(text, "aerostat_%s%s %s\n", name, labels, number);
}

/* Backslash, quote and newline are escaped in a label's value; guests' names have no newline
 * (guests.c). */
char *metrics_label(const char *guest, const char *more)
{
    GString *label = g_string_new("{domain=\"");

    for (const char *c = guest; *c; c++) {
        if (*c == '\\' || *c == '"')
            g_string_append_c(label, '\\');
        g_string_append_c(label, *c);
    }
    g_string_append_printf(label, "\"%s%s}", more ? "," : "", more ? more : "");
    return g_string_free(label, FALSE);
}
