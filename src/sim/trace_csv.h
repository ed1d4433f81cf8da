/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a CSV file as fields: RFC 4180, with '#' comments and empty lines left out. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define TRACE_FILE_MAX   (UINT64_C(8) << 30)
#define TRACE_FIELDS_MAX 64 /* of one line */

struct trace_csv {
    const char *path;
    char *text; /* all of the file; fields are cut out of it in place */
    char *at;
    unsigned line;                  /* of the file, that of the fields */
    char *fields[TRACE_FIELDS_MAX]; /* of the present line */
    unsigned n;
};

bool trace_csv_open(struct trace_csv *csv, const char *path, GError **error);
void trace_csv_close(struct trace_csv *csv);

/* The next line that is no comment. False at the end, and with @error where there is one. */
bool trace_csv_next(struct trace_csv *csv, GError **error);

/* Sets @error to "FILE:LINE: COLUMN: MESSAGE" (@column NULL: without it); returns false. */
bool trace_csv_fail(const struct trace_csv *csv, const char *column, GError **error,
                    const char *format, ...) G_GNUC_PRINTF(4, 5);
