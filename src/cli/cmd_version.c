/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of this program and of the daemon, which may be of another installation. */
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/info.h"
#include "cli/options.h"
#include "client/client.h"
#include "config.h"

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    g_autoptr(GError) error = NULL;
    g_autofree char *line = NULL, *clean = NULL;
    autojson answer = NULL;
    const char *version = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 0, 0, &operands, &code))
        return code;
    answer = client_request(cli_client(cli), "GET", "/v1/version", NULL, &error);
    if (!answer && !g_error_matches(error, CLIENT_ERROR, CLIENT_ERROR_NOT_RUNNING))
        return cli_failure(error);
    if (cli->json) {
        if (!answer)
            answer = json_object_new_object();
        json_put_string(answer, "client", AEROSTAT_VERSION);
        cli_print_json(answer);
        return EXIT_CODE_OK;
    }
    json_get_string(answer, "version", &version);
    clean = text_clean(text_or_dash(version), false);
    line = answer ? g_strdup_printf("aerostat %s\naerostatd %s\n", AEROSTAT_VERSION, clean)
                  : g_strdup_printf("aerostat %s\naerostatd is not running\n", AEROSTAT_VERSION);
    cli_print(line);
    return EXIT_CODE_OK;
}

const struct command COMMAND_VERSION = {
    .name = "version",
    .operands = "",
    .summary = "The versions of this program and of the daemon",
    .details =
        "With --json, \"version\" and \"api\" are the daemon's, \"client\" is this program's.",
    .run = run,
};
