/* SPDX-License-Identifier: Apache-2.0 */
/* The host in a few lines, a table of its guests, and one of what their pagers have put out. */
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/summary.h"
#include "cli/table.h"

#include "base/cleanup.h"
#include "base/json.h"

static const char *const STATUS_COLUMNS[] = {
    "name",    "size",   "granted",  "resident", "active", "entitled",
    "balloon", "target", "distress", "driver",   "link",   "reason",
};

static const char *const PAGER_STATUS_COLUMNS[] = {
    "name",    "pager",     "resident", "zero",      "compressed", "ratio",
    "swapped", "pager-out", "pager-in", "fault-p50", "fault-p99",  "unzip-p50",
};

static bool any(const struct guest_info *guest)
{
    (void)guest;
    return true;
}

static bool has_pager(const struct guest_info *guest)
{
    return guest->pager.state;
}

/* The guests of the array that are @wanted; what is no object in it is left out. Their number. */
static size_t append_table(GString *out, struct json_object *guests, const char *const *ids,
                           size_t n, bool (*wanted)(const struct guest_info *guest))
{
    g_autofree struct table_column *columns = g_new0(struct table_column, n);
    g_autofree const struct column **sources = g_new0(const struct column *, n);
    size_t all = guests ? json_object_array_length(guests) : 0, count = 0;
    struct table *table;

    for (size_t c = 0; c < n; c++) {
        sources[c] = &COLUMNS[column_find(ids[c])];
        columns[c] = (struct table_column){sources[c]->header, !column_is_text(sources[c])};
    }
    table = table_new(columns, n);
    for (size_t i = 0; i < all; i++) {
        struct guest_info guest;

        guest_info_read(&guest, json_object_array_get_idx(guests, i));
        if (!wanted(&guest))
            continue;
        count++;
        for (size_t c = 0; c < n; c++) {
            g_autofree char *cell = column_text(sources[c], &guest, false);

            table_add(table, cell);
        }
    }
    if (count > 0) {
        g_string_append_c(out, '\n');
        table_append_to(table, out);
    }
    table_free(table);
    return count;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    autojson host = NULL;
    autojson guests = NULL;
    enum exit_code code = EXIT_CODE_OK;
    struct json_object *array;
    struct host_info info;
    g_autoptr(GString) out = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 0, 0, &operands, &code))
        return code;
    host = cli_request(cli, "GET", "/v1/host", NULL, &code);
    if (!host)
        return code;
    guests = cli_request(cli, "GET", "/v1/guests", NULL, &code);
    if (!guests)
        return code;

    if (cli->json) {
        json_put_object(guests, "host", json_object_get(host));
        cli_print_json(guests);
        return EXIT_CODE_OK;
    }
    host_info_read(&info, host);
    out = g_string_new(NULL);
    summary_append(out, &info);
    array = json_get_array(guests, "guests");
    if (append_table(out, array, STATUS_COLUMNS, G_N_ELEMENTS(STATUS_COLUMNS), any) == 0)
        g_string_append(out, "\nno guests\n");
    (void)append_table(out, array, PAGER_STATUS_COLUMNS, G_N_ELEMENTS(PAGER_STATUS_COLUMNS),
                       has_pager);
    cli_print(out->str);
    return EXIT_CODE_OK;
}

const struct command COMMAND_STATUS = {
    .name = "status",
    .operands = "",
    .summary = "The host's memory, its guests and their pagers",
    .details = "With --json: {\"guests\": [...], \"host\": {...}}.",
    .run = run,
};
