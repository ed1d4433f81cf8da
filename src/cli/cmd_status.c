/* SPDX-License-Identifier: Apache-2.0 */
/* The host in a few lines and a table of its guests. */
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

/* An array of objects; what is no object in it is left out. */
static void append_guests(GString *out, struct json_object *guests)
{
    struct table_column columns[G_N_ELEMENTS(STATUS_COLUMNS)];
    const struct column *sources[G_N_ELEMENTS(STATUS_COLUMNS)];
    size_t count = guests ? json_object_array_length(guests) : 0;
    struct table *table;

    for (size_t c = 0; c < G_N_ELEMENTS(columns); c++) {
        sources[c] = &COLUMNS[column_find(STATUS_COLUMNS[c])];
        columns[c] = (struct table_column){sources[c]->header, !column_is_text(sources[c])};
    }
    table = table_new(columns, G_N_ELEMENTS(columns));
    for (size_t i = 0; i < count; i++) {
        struct guest_info guest;

        guest_info_read(&guest, json_object_array_get_idx(guests, i));
        for (size_t c = 0; c < G_N_ELEMENTS(columns); c++) {
            g_autofree char *cell = column_text(sources[c], &guest, false);

            table_add(table, cell);
        }
    }
    if (count == 0)
        g_string_append(out, "no guests\n");
    else
        table_append_to(table, out);
    table_free(table);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    autojson host = NULL;
    autojson guests = NULL;
    enum exit_code code = EXIT_CODE_OK;
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
    g_string_append_c(out, '\n');
    append_guests(out, json_get_array(guests, "guests"));
    cli_print(out->str);
    return EXIT_CODE_OK;
}

const struct command COMMAND_STATUS = {
    .name = "status",
    .operands = "",
    .summary = "The host's memory and a table of the guests",
    .details = "With --json: {\"guests\": [...], \"host\": {...}}.",
    .run = run,
};
