/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's metrics as Prometheus would get them. */
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/text.h"
#include "client/client.h"

/* Labels hold names of guests: every line is made harmless, the lines stay. */
static void print_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    g_autoptr(GString) out = g_string_new(NULL);

    for (char **line = lines; *line; line++) {
        g_autofree char *clean = text_clean(*line, false);

        g_string_append(out, clean);
        if (line[1])
            g_string_append_c(out, '\n');
    }
    cli_print(out->str);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 0, 0, &operands, &code))
        return code;
    if (cli->json)
        return usage_error(command, "metrics have a format of their own, and no JSON");
    text = client_request_text(cli_client(cli), "/metrics", &error);
    if (!text)
        return cli_failure(error);
    print_lines(text);
    return EXIT_CODE_OK;
}

const struct command COMMAND_METRICS = {
    .name = "metrics",
    .operands = "",
    .summary = "The metrics in Prometheus' text format",
    .run = run,
};
