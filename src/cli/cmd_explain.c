/* SPDX-License-Identifier: Apache-2.0 */
/* Everything known about one guest, and why: the answer to "what is Aerostat doing to my VM?". */
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/options.h"
#include "cli/ring.h"

/* The API's guest object with its decisions as a further member. */
static void print_json(struct json_object *guest, struct json_object *decisions)
{
    json_put_object(guest, "decisions", json_object_get(json_get_array(decisions, "events")));
    cli_print_json(guest);
}

static void print_text(const struct explained *what)
{
    g_autoptr(GPtrArray) lines = explain_lines(what, false);
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < lines->len; i++)
        g_string_append_printf(out, "%s\n", (const char *)g_ptr_array_index(lines, i));
    cli_print(out->str);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    autojson guest = NULL;
    autojson decisions = NULL;
    autojson host = NULL;
    g_autofree char *path = NULL, *decisions_path = NULL;
    struct ring_query query = {.last = EXPLAIN_DECISIONS};
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 1, 1, &operands, &code))
        return code;
    query.guest = *operands;
    path = cli_guest_path(*operands, "");
    guest = cli_request(cli, "GET", path, NULL, &code);
    if (!guest)
        return code;
    decisions_path = ring_path("/v1/decisions", &query);
    decisions = cli_request(cli, "GET", decisions_path, NULL, &code);
    if (!decisions)
        return code;
    if (cli->json) {
        print_json(guest, decisions);
        return EXIT_CODE_OK;
    }
    host = cli_request(cli, "GET", "/v1/host", NULL, &code);
    if (!host)
        return code;
    print_text(&(struct explained){guest, decisions, host});
    return EXIT_CODE_OK;
}

const struct command COMMAND_EXPLAIN = {
    .name = "explain",
    .operands = "VM",
    .summary = "Everything known about a guest, and why it is so",
    .details = "With --json: the guest as the API has it, and its last \"decisions\".",
    .run = run,
};
