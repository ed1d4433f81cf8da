/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `top` for programs and logs: a line per guest and look, in columns that never change. Text and
 * CSV have one header; JSON has one object per look instead.
 */
#pragma once

#include <stdint.h>

#include "cli/cli.h"
#include "cli/columns.h"

enum batch_format {
    BATCH_TEXT,
    BATCH_CSV,
    BATCH_JSON,
};

struct batch {
    enum batch_format format;
    int columns[COLUMNS_MAX];
    size_t column_count;
    int sort;
    bool reverse;
    double delay;   /* seconds */
    uint64_t count; /* looks; 0: without end */
};

/* Fails with the first look; when the daemon is away later it says so and goes on. */
enum exit_code batch_run(struct cli *cli, const struct batch *batch);
