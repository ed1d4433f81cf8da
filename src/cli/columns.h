/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of `status` and `top`: one table for the header, the figure, sorting, the help, the
 * CSV and the names that esxtop gives to the same thing. A new counter is a member of struct
 * guest_info (info.h) and a line in columns_table.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/info.h"

enum column_kind {
    COLUMN_TEXT,      /* const char * */
    COLUMN_TEXT_HERE, /* char[] in the struct */
    COLUMN_SIZE,      /* uint64_t, bytes */
    COLUMN_COUNT,     /* uint64_t */
    COLUMN_SIZE_RATE, /* double, bytes per second */
    COLUMN_RATE,      /* double, per second */
    COLUMN_AGE,       /* double, seconds */
    COLUMN_LATENCY,   /* double, seconds, much less than one */
    COLUMN_PART,      /* double, 1 is 100 % */
};

struct column {
    const char *id;     /* on the command line, in toprc and CSV */
    const char *header; /* on the screen */
    int width;          /* on the screen */
    enum column_kind kind;
    size_t offset;      /* in struct guest_info */
    char sort_key;      /* of `top`; 0: none */
    bool shown;         /* by default */
    const char *esxtop; /* the same in esxtop; NULL: it has none */
    const char *help;
};

extern const struct column COLUMNS[];
extern const size_t COLUMN_COUNT_ALL;
#define COLUMNS_MAX 96 /* more than there are (checked in columns_table.c) */

/* The index of a column, or -1. */
int column_find(const char *id);

/* Text columns stand at the left, figures at the right. */
bool column_is_text(const struct column *column);

/* The cell for people; clean text, owned by the caller. */
char *column_text(const struct column *column, const struct guest_info *guest, bool ascii);

/* The cell for programs: exact figures, "" for what is not known. As it came; owned by the caller.
 */
char *column_exact(const struct column *column, const struct guest_info *guest);

/* Ascending order by this column; what is not known comes first. */
int column_compare(const struct column *column, const struct guest_info *a,
                   const struct guest_info *b);

/*
 * "name,size,resident" into indexes; their number, or 0 and the first unknown or repeated word in
 * @ret_wrong (owned by the caller).
 */
size_t columns_parse(const char *list, int ret_columns[static COLUMNS_MAX], char **ret_wrong);
