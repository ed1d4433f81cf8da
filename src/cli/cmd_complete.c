/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shell's completion asks (data/completion): the words that may follow, from the same
 * tables that the program reads its command line with.
 *
 *     _complete verbs | options [VERB] | guests | settings | columns | views
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/text.h"
#include "cli/views.h"
#include "client/client.h"

static void append_options(GString *out, const struct option_spec *specs)
{
    for (const struct option_spec *spec = specs; spec && spec->name; spec++)
        g_string_append_printf(out, "--%s\n", spec->name);
}

static void append_verbs(GString *out)
{
    for (const struct command *const *c = COMMANDS; *c; c++) {
        if (!(*c)->hidden)
            g_string_append_printf(out, "%s\n", (*c)->name);
    }
}

/* Names that need no quoting in a shell. Without a daemon there are none, and nothing is said. */
static void append_guests(GString *out, struct cli *cli)
{
    autojson answer = client_request(cli_client(cli), "GET", "/v1/guests", NULL, NULL);
    struct json_object *guests = json_get_array(answer, "guests");
    size_t count = guests ? json_object_array_length(guests) : 0;

    for (size_t i = 0; i < count; i++) {
        const char *name = NULL;

        if (json_get_string(json_object_array_get_idx(guests, i), "name", &name) &&
            strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.:@+-") == strlen(name))
            g_string_append_printf(out, "%s\n", name);
    }
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    g_autoptr(GString) out = g_string_new(NULL);
    const struct command *subject;
    char **words;

    if (!options_only_operands(cli, command, argc, argv, 1, 2, &words, &code))
        return code;
    if (strcmp(words[0], "verbs") == 0) {
        append_verbs(out);
    } else if (strcmp(words[0], "options") == 0) {
        subject = words[1] ? command_find(words[1]) : NULL;
        append_options(out, COMMON_OPTIONS);
        append_options(out, subject ? subject->options : NULL);
    } else if (strcmp(words[0], "guests") == 0) {
        append_guests(out, cli);
    } else if (strcmp(words[0], "settings") == 0) {
        for (const struct setting *s = SETTINGS; s->key; s++)
            g_string_append_printf(out, "%s=\n", s->key);
    } else if (strcmp(words[0], "columns") == 0) {
        for (size_t i = 0; i < COLUMN_COUNT_ALL; i++)
            g_string_append_printf(out, "%s\n", COLUMNS[i].id);
    } else if (strcmp(words[0], "views") == 0) {
        for (size_t i = 0; i < VIEWS; i++)
            g_string_append_printf(out, "%s\n", VIEW_TABLE[i].name);
    } else {
        return usage_error(command, "unknown word '%s'", words[0]);
    }
    cli_print(out->str);
    return EXIT_CODE_OK;
}

const struct command COMMAND_COMPLETE = {
    .name = "_complete",
    .operands = "verbs|options|guests|settings|columns|views [VERB]",
    .summary = "Words for the shell's completion",
    .hidden = true,
    .run = run,
};
