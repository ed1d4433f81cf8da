/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a guest, or all of them, the memory back that their balloons hold. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/info.h"
#include "cli/options.h"

static void print_guest(struct json_object *answer)
{
    g_autofree char *name = NULL, *line = NULL;
    struct guest_info guest;
    char balloon[TEXT_FIGURE_MAX];

    guest_info_read(&guest, answer);
    name = text_clean(text_or_dash(guest.name), false);
    line = g_strdup_printf("%s: released; %s are still to be given back\n", name,
                           text_size(guest.balloon, balloon));
    cli_print(line);
}

static void print_all(struct json_object *answer)
{
    g_autofree char *line = NULL;
    uint64_t released = 0;

    json_get_u64(answer, "released", &released);
    line =
        g_strdup_printf("%" PRIu64 " %s released\n", released, released == 1 ? "guest" : "guests");
    cli_print(line);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    g_autofree char *path = NULL;
    autojson answer = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 0, 1, &operands, &code))
        return code;
    path = *operands ? cli_guest_path(*operands, "/release") : g_strdup("/v1/release");
    answer = cli_request(cli, "POST", path, NULL, &code);
    if (!answer)
        return code;
    if (cli->json)
        cli_print_json(answer);
    else if (*operands)
        print_guest(answer);
    else
        print_all(answer);
    return EXIT_CODE_OK;
}

const struct command COMMAND_RELEASE = {
    .name = "release",
    .operands = "[VM]",
    .summary = "Empties the balloon of a guest, or of all guests",
    .details =
        "It stays empty until the host is next short of memory; to keep it so, set exempt=yes.",
    .run = run,
};
