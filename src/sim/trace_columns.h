/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a trace: what they are called, and what may stand in them. */
#pragma once

#include "sim/sim.h"
#include "sim/trace_csv.h"

#define TRACE_UNKNOWN UINT64_MAX /* a size that nothing was said of */

/* Used within 1 s, 10 s, 1 min, 10 min. */
#define TRACE_WINDOWS 4
extern const double TRACE_WINDOW_SECONDS[TRACE_WINDOWS];

/* What is known of a guest after a line; a field that is empty leaves it as it was. */
struct trace_cells {
    usec_t time;
    const char *guest; /* of the line; belongs to the CSV */
    uint64_t size;     /* 0: it has ended */
    /* What it does: */
    uint64_t owned, used[TRACE_WINDOWS];
    uint64_t cache, cache_used[TRACE_WINDOWS];
    struct work_content content;
    double writes, demand; /* demand < 0: nothing was said */
    uint64_t threads;
    /* What it is, in its first line: */
    struct trace_settings {
        uint64_t min, shares, reservation, limit, swap, vcpus;
        int ram, balloon, stats; /* enums of sim.h */
        bool exempt, pager, share, deflate_on_oom, free_page_reporting;
    } settings;
};

extern const struct trace_cells TRACE_CELLS_DEFAULT;

struct trace_header {
    const struct trace_column *columns[TRACE_FIELDS_MAX];
    unsigned n;
};

/* From the line that csv holds now. */
bool trace_header_read(struct trace_header *h, const struct trace_csv *csv, GError **error);

/* Time and guest of a line; both must be there. */
bool trace_line_key(const struct trace_header *h, const struct trace_csv *csv,
                    struct trace_cells *cells, GError **error);

/* All the rest of it. */
bool trace_line_read(const struct trace_header *h, const struct trace_csv *csv,
                     struct trace_cells *cells, GError **error);
