/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/columns.h"

#include <glib.h>
#include <math.h>
#include <string.h>

/* A figure of the guest at the column's place. */
static const void *member(const struct column *column, const struct guest_info *guest)
{
    return (const char *)guest + column->offset;
}

static const char *text_member(const struct column *column, const struct guest_info *guest)
{
    const char *text;

    if (column->kind == COLUMN_TEXT_HERE)
        return member(column, guest);
    memcpy(&text, member(column, guest), sizeof(text));
    return text;
}

static uint64_t u64_member(const struct column *column, const struct guest_info *guest)
{
    uint64_t value;

    memcpy(&value, member(column, guest), sizeof(value));
    return value;
}

static double double_member(const struct column *column, const struct guest_info *guest)
{
    double value;

    memcpy(&value, member(column, guest), sizeof(value));
    return value;
}

int column_find(const char *id)
{
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        if (strcmp(COLUMNS[i].id, id) == 0)
            return (int)i;
    }
    return -1;
}

bool column_is_text(const struct column *column)
{
    return column->kind == COLUMN_TEXT || column->kind == COLUMN_TEXT_HERE;
}

char *column_text(const struct column *column, const struct guest_info *guest, bool ascii)
{
    char buf[TEXT_FIGURE_MAX];
    const char *text;
    uint64_t count;

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_HERE:
        text = text_member(column, guest);
        return text_clean(text && *text ? text : "-", ascii);
    case COLUMN_SIZE:
        return g_strdup(text_size(u64_member(column, guest), buf));
    case COLUMN_COUNT:
        count = u64_member(column, guest);
        return count == UNKNOWN_U64 ? g_strdup("-") : g_strdup_printf("%" PRIu64, count);
    case COLUMN_SIZE_RATE:
        return g_strdup(text_size_rate(double_member(column, guest), buf));
    case COLUMN_RATE:
        return g_strdup(text_number(double_member(column, guest), buf));
    case COLUMN_AGE:
        return g_strdup(text_age(double_member(column, guest), buf));
    case COLUMN_LATENCY:
        return g_strdup(text_latency(double_member(column, guest), buf));
    case COLUMN_PART:
        return g_strdup(text_part(double_member(column, guest), buf));
    }
    g_assert_not_reached();
}

char *column_exact(const struct column *column, const struct guest_info *guest)
{
    const char *text;
    uint64_t count;
    double value;

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_HERE:
        text = text_member(column, guest);
        return g_strdup(text ? text : "");
    case COLUMN_SIZE:
    case COLUMN_COUNT:
        count = u64_member(column, guest);
        return count == UNKNOWN_U64 ? g_strdup("") : g_strdup_printf("%" PRIu64, count);
    case COLUMN_SIZE_RATE:
    case COLUMN_RATE:
    case COLUMN_AGE:
    case COLUMN_LATENCY:
    case COLUMN_PART:
        value = double_member(column, guest);
        return isnan(value) ? g_strdup("") : g_strdup_printf("%.12g", value);
    }
    g_assert_not_reached();
}

static int compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) - !isnan(b);
    return (a > b) - (a < b);
}

int column_compare(const struct column *column, const struct guest_info *a,
                   const struct guest_info *b)
{
    uint64_t x, y;

    switch (column->kind) {
    case COLUMN_TEXT:
    case COLUMN_TEXT_HERE:
        return g_strcmp0(text_member(column, a), text_member(column, b));
    case COLUMN_SIZE:
    case COLUMN_COUNT:
        /* One more makes UNKNOWN_U64 the smallest. */
        x = u64_member(column, a) + 1;
        y = u64_member(column, b) + 1;
        return (x > y) - (x < y);
    case COLUMN_SIZE_RATE:
    case COLUMN_RATE:
    case COLUMN_AGE:
    case COLUMN_LATENCY:
    case COLUMN_PART:
        return compare_doubles(double_member(column, a), double_member(column, b));
    }
    g_assert_not_reached();
}

size_t columns_parse(const char *list, int ret_columns[static COLUMNS_MAX], char **ret_wrong)
{
    g_auto(GStrv) words = g_strsplit(list, ",", COLUMNS_MAX + 1);
    bool taken[COLUMNS_MAX] = {false};
    size_t count = 0;

    for (char **word = words; *word; word++) {
        int column = column_find(g_strstrip(*word));

        /* A list longer than COLUMNS_MAX repeats one, and so ends here too. */
        if (column < 0 || taken[column]) {
            *ret_wrong = g_strdup(*word);
            return 0;
        }
        taken[column] = true;
        ret_columns[count++] = column;
    }
    if (count == 0)
        *ret_wrong = g_strdup("");
    return count;
}
