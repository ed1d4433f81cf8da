/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text table whose columns are as wide as their widest cell, within reason: what is longer is
 * cut. Cells are made harmless by it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct table;

struct table_column {
    const char *header;
    bool right; /* figures stand at the right */
};

/* @columns, at least one, are borrowed for the table's life. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table);

/* The next cell, from left to right; a row is complete with its last cell. Copied. */
void table_add(struct table *table, const char *cell);

/* Header and rows, each line ended by a newline and without blanks before it. */
void table_append_to(const struct table *table, GString *out);
