/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text format (exposition format 0.0.4), line by line. For metrics*.c. */
#pragma once

#include <glib.h>

enum metric_type {
    METRIC_GAUGE,
    METRIC_COUNTER,
    METRIC_HISTOGRAM,
};

/* @name without the prefix "aerostat_". */
void metrics_put_header(GString *text, const char *name, enum metric_type type, const char *help);

/* @labels "" or "{...}". */
void metrics_put_sample(GString *text, const char *name, const char *labels, double value);

/* {domain="web"}, and {domain="web",@more}; owned by the caller. */
char *metrics_label(const char *guest, const char *more);
