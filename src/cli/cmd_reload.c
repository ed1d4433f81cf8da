/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon reads its configuration again, or says why it keeps the old one. */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/options.h"

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    autojson answer = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 0, 0, &operands, &code))
        return code;
    answer = cli_request(cli, "POST", "/v1/reload", NULL, &code);
    if (!answer)
        return code;
    if (cli->json)
        cli_print_json(answer);
    else
        cli_print("configuration reloaded\n");
    return EXIT_CODE_OK;
}

const struct command COMMAND_RELOAD = {
    .name = "reload",
    .operands = "",
    .summary = "Makes the daemon read its configuration again",
    .details = "If the new configuration is wrong the daemon says why and keeps the old one.",
    .run = run,
};
