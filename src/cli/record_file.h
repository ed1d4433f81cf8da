/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a trace that is being written: lines are in it whole or not at all. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct record_file {
    const char *path;
    int fd;
    off_t size;
    GPtrArray *alive; /* char *: guests that had not ended when an earlier recording did */
    double last;      /* time of its last line; 0: there is none */
};

/* Opens or makes it, with its header. What an earlier recording left of a line is removed; a file
 * with other columns, or that another recording has open, is refused. */
bool record_file_open(struct record_file *f, const char *path, GError **error);
void record_file_close(struct record_file *f);

/* Appends lines, all of them or none. */
bool record_file_append(struct record_file *f, const GString *lines, GError **error);
