/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/trace_columns.h"

#include <stddef.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"

#define NAME_MAX_BYTES 128

const double TRACE_WINDOW_SECONDS[TRACE_WINDOWS] = {1, 10, 60, 600};

const struct trace_cells TRACE_CELLS_DEFAULT = {
    .size = TRACE_UNKNOWN,
    .used = {TRACE_UNKNOWN, TRACE_UNKNOWN, TRACE_UNKNOWN, TRACE_UNKNOWN},
    .cache_used = {TRACE_UNKNOWN, TRACE_UNKNOWN, TRACE_UNKNOWN, TRACE_UNKNOWN},
    .content = {.ratio = 0.5},
    .writes = 0.3,
    .demand = -1,
    .threads = 1,
    .settings = {.vcpus = 1, .pager = true},
};

enum cell_type {
    CELL_TIME,
    CELL_NAME,
    CELL_SIZE,  /* uint64_t, bytes */
    CELL_COUNT, /* uint64_t */
    CELL_PART,  /* double, [0, 1] */
    CELL_BOOL,
    CELL_CHOICE,  /* int */
    CELL_NOTHING, /* for people; not looked at */
};

static const char *const type_texts[] = {
    [CELL_TIME] = "a time in seconds, or as 5min",
    [CELL_NAME] = "a name of up to 128 bytes",
    [CELL_SIZE] = "a size in bytes, or as 512M",
    [CELL_COUNT] = "a number above 0",
    [CELL_PART] = "a number from 0 to 1",
    [CELL_BOOL] = "yes or no",
    [CELL_CHOICE] = "one of its words",
};

static const char *const rams[] = {"memfd", "private", NULL};
static const char *const balloons[] = {"yes",       "slow",      "stuck", "ignores",
                                       "no-driver", "no-device", NULL};
static const char *const stats[] = {"true", "none",    "frozen", "late", "windows",
                                    "idle", "starved", "absurd", NULL};
G_STATIC_ASSERT(SIM_RAM_PRIVATE == 1 && SIM_BALLOON_NO_DEVICE == 5 && SIM_STATS_ABSURD == 7);

struct trace_column {
    const char *name;
    enum cell_type type;
    size_t offset;
    const char *const *choices;
};

#define AT(member)  offsetof(struct trace_cells, member)
#define SET(member) AT(settings.member)

/* clang-format off */
static const struct trace_column columns[] = {
    {"time", CELL_TIME, AT(time), NULL},
    {"guest", CELL_NAME, AT(guest), NULL},
    {"size", CELL_SIZE, AT(size), NULL},
    {"owned", CELL_SIZE, AT(owned), NULL},
    {"used_1s", CELL_SIZE, AT(used[0]), NULL},
    {"used_10s", CELL_SIZE, AT(used[1]), NULL},
    {"used_60s", CELL_SIZE, AT(used[2]), NULL},
    {"used_600s", CELL_SIZE, AT(used[3]), NULL},
    {"cache", CELL_SIZE, AT(cache), NULL},
    {"cache_used_1s", CELL_SIZE, AT(cache_used[0]), NULL},
    {"cache_used_10s", CELL_SIZE, AT(cache_used[1]), NULL},
    {"cache_used_60s", CELL_SIZE, AT(cache_used[2]), NULL},
    {"cache_used_600s", CELL_SIZE, AT(cache_used[3]), NULL},
    {"writes", CELL_PART, AT(writes), NULL},
    {"demand", CELL_PART, AT(demand), NULL},
    {"threads", CELL_COUNT, AT(threads), NULL},
    {"zero", CELL_PART, AT(content.zero), NULL},
    {"compressible", CELL_PART, AT(content.compressible), NULL},
    {"ratio", CELL_PART, AT(content.ratio), NULL},
    {"identical", CELL_PART, AT(content.identical), NULL},
    {"min", CELL_SIZE, SET(min), NULL},
    {"shares", CELL_COUNT, SET(shares), NULL},
    {"reservation", CELL_SIZE, SET(reservation), NULL},
    {"limit", CELL_SIZE, SET(limit), NULL},
    {"exempt", CELL_BOOL, SET(exempt), NULL},
    {"swap", CELL_SIZE, SET(swap), NULL},
    {"vcpus", CELL_COUNT, SET(vcpus), NULL},
    {"ram", CELL_CHOICE, SET(ram), rams},
    {"balloon", CELL_CHOICE, SET(balloon), balloons},
    {"stats", CELL_CHOICE, SET(stats), stats},
    {"pager", CELL_BOOL, SET(pager), NULL},
    {"share", CELL_BOOL, SET(share), NULL},
    {"deflate_on_oom", CELL_BOOL, SET(deflate_on_oom), NULL},
    {"free_page_reporting", CELL_BOOL, SET(free_page_reporting), NULL},
    /* What came of it on the recorded host. */
    {"granted", CELL_NOTHING, 0, NULL},
    {"resident", CELL_NOTHING, 0, NULL},
    {"active", CELL_NOTHING, 0, NULL},
    {"out", CELL_NOTHING, 0, NULL},
    {"lost", CELL_NOTHING, 0, NULL},
    {"note", CELL_NOTHING, 0, NULL},
};
/* clang-format on */

static const struct trace_column *find_column(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    return NULL;
}

static bool unknown_column(const struct trace_csv *csv, const char *name, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);

    if (strpbrk(name, ";\t"))
        return trace_csv_fail(csv, NULL, error, "commas are to stand between the columns");
    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
        g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", columns[i].name);
    return trace_csv_fail(csv, NULL, error, "unknown column \"%s\"; allowed are %s", name,
                          known->str);
}

static bool has(const struct trace_header *h, const struct trace_column *column)
{
    for (unsigned i = 0; i < h->n; i++)
        if (h->columns[i] == column)
            return true;
    return false;
}

bool trace_header_read(struct trace_header *h, const struct trace_csv *csv, GError **error)
{
    *h = (struct trace_header){.n = 0};
    for (; h->n < csv->n; h->n++) {
        const struct trace_column *column = find_column(csv->fields[h->n]);

        if (!column)
            return unknown_column(csv, csv->fields[h->n], error);
        if (has(h, column))
            return trace_csv_fail(csv, column->name, error, "the column is there twice");
        h->columns[h->n] = column;
    }
    if (!has(h, &columns[0]) || !has(h, &columns[1]))
        return trace_csv_fail(csv, NULL, error, "the columns time and guest must be there");
    return true;
}

/* Digits alone, as a program writes them, are most of a large file. */
static bool parse_digits(const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    unsigned n = 0;

    for (; n < 18 && g_ascii_isdigit(text[n]); n++)
        value = value * 10 + (uint64_t)(text[n] - '0');
    if (n == 0 || text[n] != '\0')
        return false;
    *ret = value;
    return true;
}

static bool parse_time(const char *text, usec_t *ret)
{
    uint64_t seconds;

    if (!parse_digits(text, &seconds))
        return duration_parse(text, ret);
    *ret = seconds * USEC_PER_SEC;
    return seconds < UINT64_MAX / USEC_PER_SEC;
}

static bool parse_name(const char *text, const char **ret)
{
    size_t length = strlen(text);

    *ret = text;
    for (const char *c = text; *c; c++)
        if (g_ascii_iscntrl(*c))
            return false;
    return length > 0 && length <= NAME_MAX_BYTES && g_utf8_validate(text, (gssize)length, NULL);
}

static bool parse_cell(const struct trace_column *column, const char *text, void *member)
{
    switch (column->type) {
    case CELL_TIME:
        return parse_time(text, member);
    case CELL_NAME:
        return parse_name(text, member);
    case CELL_SIZE:
        return parse_digits(text, member) || size_parse(text, member);
    case CELL_COUNT:
        return parse_digits(text, member) && *(uint64_t *)member > 0;
    case CELL_PART:
        return number_parse(text, 0, 1, member);
    case CELL_BOOL:
        return yes_no_parse(text, member);
    case CELL_CHOICE:
        return word_parse(text, column->choices, member);
    case CELL_NOTHING:
        return true;
    }
    return false;
}

static bool wrong_cell(const struct trace_csv *csv, const struct trace_column *column,
                       const char *text, GError **error)
{
    g_autofree char *words =
        column->choices ? g_strjoinv(", ", (char **)(uintptr_t)column->choices) : NULL;

    return trace_csv_fail(csv, column->name, error, "\"%s\"; allowed is %s", text,
                          words ? words : type_texts[column->type]);
}

static bool read_cells(const struct trace_header *h, const struct trace_csv *csv, bool key,
                       struct trace_cells *cells, GError **error)
{
    for (unsigned i = 0; i < h->n; i++) {
        const struct trace_column *column = h->columns[i];
        bool is_key = column->type == CELL_TIME || column->type == CELL_NAME;

        if (is_key != key || (!key && csv->fields[i][0] == '\0'))
            continue;
        if (!parse_cell(column, csv->fields[i], (char *)cells + column->offset))
            return wrong_cell(csv, column, csv->fields[i], error);
    }
    return true;
}

bool trace_line_key(const struct trace_header *h, const struct trace_csv *csv,
                    struct trace_cells *cells, GError **error)
{
    if (csv->n != h->n)
        return trace_csv_fail(csv, NULL, error, "%u fields; the header has %u", csv->n, h->n);
    return read_cells(h, csv, true, cells, error);
}

bool trace_line_read(const struct trace_header *h, const struct trace_csv *csv,
                     struct trace_cells *cells, GError **error)
{
    return read_cells(h, csv, false, cells, error);
}
