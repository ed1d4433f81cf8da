/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/options.h"

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    const struct command *subject = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 0, 1, &operands, &code))
        return code;
    if (*operands) {
        subject = command_find(*operands);
        if (!subject || subject->hidden)
            return usage_error(NULL, "unknown verb '%s'", *operands);
    }
    help_print(subject);
    return EXIT_CODE_OK;
}

const struct command COMMAND_HELP = {
    .name = "help",
    .operands = "[VERB]",
    .summary = "What the verbs are, or more about one",
    .run = run,
};
