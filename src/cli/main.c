/* SPDX-License-Identifier: Apache-2.0 */
/* aerostat: finds the verb (commands.c) and runs it. */
#include <locale.h>
#include <string.h>

#include "base/stdio_open.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "client/client.h"
#include "config.h"

static enum exit_code run(struct cli *cli, int argc, char **argv)
{
    const struct command *command;
    struct options o;
    char **verb;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        cli_print("aerostat " AEROSTAT_VERSION "\n");
        return EXIT_CODE_OK;
    }
    options_init(&o, cli, NULL, argc, argv);
    if (options_next(&o) != OPTIONS_END)
        return o.exit_code;
    verb = options_operands(&o);
    if (!*verb)
        return usage_error(NULL, "a verb is missing");
    command = command_find(*verb);
    if (!command)
        return usage_error(NULL, "unknown verb '%s'", *verb);
    return command->run(cli, command, (int)g_strv_length(verb), verb);
}

int main(int argc, char **argv)
{
    const char *socket = g_getenv(CLI_SOCKET_VARIABLE);
    struct cli cli = {.socket = socket && *socket ? socket : CLIENT_DEFAULT_SOCKET};
    enum exit_code code;

    stdio_open();
    /* Only the characters: figures keep their point whatever the language. */
    (void)setlocale(LC_CTYPE, "");
    code = run(&cli, argc, argv);
    client_free(cli.client);
    return code;
}
