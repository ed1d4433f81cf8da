/* SPDX-License-Identifier: Apache-2.0 */
/* The host in a few lines, a table of its guests, one of what is put out of their memory, and what
 * an operator should know besides. */
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/notes.h"
#include "cli/options.h"
#include "cli/summary.h"
#include "cli/table.h"

#include "base/cleanup.h"
#include "base/json.h"

static const char *const STATUS_COLUMNS[] = {
    "name",     "lost",     "size",   "granted", "resident",   "active",
    "entitled", "balloon",  "target", "saved",   "compressed", "swapped",
    "blocked",  "distress", "driver", "link",    "reason",
};

static const char *const PAGING_COLUMNS[] = {
    "name",    "pager",          "resident",  "zero",     "compressed", "ratio",     "swapped",
    "allowed", "allowed-reason", "pager-out", "pager-in", "fault-p50",  "fault-p99", "unzip-p50",
};

struct guest_list {
    struct guest_info *infos;
    size_t count;
};

static bool any(const struct guest_info *guest)
{
    (void)guest;
    return true;
}

static bool is_paged(const struct guest_info *guest)
{
    return guest->paged.state;
}

/* The guests that are @wanted. Their number. */
static size_t append_table(GString *out, const struct guest_list *guests, const char *const *ids,
                           size_t n, bool (*wanted)(const struct guest_info *guest))
{
    g_autofree struct table_column *columns = g_new0(struct table_column, n);
    g_autofree const struct column **sources = g_new0(const struct column *, n);
    size_t count = 0;
    struct table *table;

    for (size_t c = 0; c < n; c++) {
        sources[c] = &COLUMNS[column_find(ids[c])];
        columns[c] = (struct table_column){sources[c]->header, !column_is_text(sources[c])};
    }
    table = table_new(columns, n);
    for (size_t i = 0; i < guests->count; i++) {
        if (!wanted(&guests->infos[i]))
            continue;
        count++;
        for (size_t c = 0; c < n; c++) {
            g_autofree char *cell = column_text(sources[c], &guests->infos[i], false);

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

static void print_text(struct json_object *host, struct json_object *guests)
{
    struct json_object *array = json_get_array(guests, "guests");
    struct guest_list list = {.count = array ? json_object_array_length(array) : 0};
    g_autoptr(GString) out = g_string_new(NULL), notes = g_string_new(NULL);
    struct host_info info;

    host_info_read(&info, host);
    list.infos = g_new0(struct guest_info, list.count);
    for (size_t i = 0; i < list.count; i++)
        guest_info_read(&list.infos[i], json_object_array_get_idx(array, i));
    summary_append(out, &info);
    if (append_table(out, &list, STATUS_COLUMNS, G_N_ELEMENTS(STATUS_COLUMNS), any) == 0)
        g_string_append(out, "\nno guests\n");
    (void)append_table(out, &list, PAGING_COLUMNS, G_N_ELEMENTS(PAGING_COLUMNS), is_paged);
    notes_append(notes, list.infos, list.count);
    if (notes->len > 0)
        g_string_append_printf(out, "\n%s", notes->str);
    cli_print(out->str);
    g_free(list.infos);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    autojson host = NULL;
    autojson guests = NULL;
    enum exit_code code = EXIT_CODE_OK;
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
    print_text(host, guests);
    return EXIT_CODE_OK;
}

const struct command COMMAND_STATUS = {
    .name = "status",
    .operands = "",
    .summary = "The host's memory, its guests and what was taken from them",
    .details = "With --json: {\"guests\": [...], \"host\": {...}}.",
    .run = run,
};
