/* SPDX-License-Identifier: Apache-2.0 */
/* May a guest of this size come? Asked before it is started: by the libvirt hook, by aerostat-qemu,
 * by hand. */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/size.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/text.h"

enum {
    OPTION_SIZE = OPTION_LONG_ONLY,
    OPTION_RESERVATION,
    OPTION_NAME,
    OPTION_RAM,
};

static const struct option_spec OPTIONS[] = {
    {OPTION_SIZE, "size", "SIZE", "memory of the guest"},
    {OPTION_RESERVATION, "reservation", "SIZE",
     "what is never reclaimed (default: as configured for its name)"},
    {OPTION_NAME, "name", "NAME", "keeps its place for a while, until it comes"},
    {OPTION_RAM, "ram", "KIND", "memfd (default) or private: how its memory is shared"},
    {0},
};

static enum exit_code add_size(struct options *o, struct json_object *body, const char *key)
{
    uint64_t bytes;

    if (!size_parse(o->value, &bytes))
        return usage_error(o->command, "--%s %s: it takes a size such as 768M or 2G", key,
                           o->value);
    json_put_u64(body, key, bytes);
    return EXIT_CODE_OK;
}

static enum exit_code add_option(struct options *o, int id, struct json_object *body)
{
    switch (id) {
    case OPTION_SIZE:
        return add_size(o, body, "size");
    case OPTION_RESERVATION:
        return add_size(o, body, "reservation");
    case OPTION_NAME:
        json_put_string(body, "name", o->value);
        return EXIT_CODE_OK;
    default:
        if (strcmp(o->value, "memfd") != 0 && strcmp(o->value, "private") != 0)
            return usage_error(o->command, "--ram %s: it is memfd or private", o->value);
        json_put_string(body, "ram", o->value);
        return EXIT_CODE_OK;
    }
}

/* The request's body. False: the exit code is in o->exit_code. */
static bool read_request(struct options *o, struct json_object *body)
{
    int id;

    while ((id = options_next(o)) > 0) {
        o->exit_code = add_option(o, id, body);
        if (o->exit_code != EXIT_CODE_OK)
            return false;
    }
    if (id != OPTIONS_END || !options_count_operands(o, 0, 0))
        return false;
    if (json_object_object_get_ex(body, "size", NULL))
        return true;
    o->exit_code = usage_error(o->command, "--size is missing: how much memory has the guest?");
    return false;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    autojson body = json_object_new_object();
    autojson answer = NULL;
    const char *text = NULL;
    bool admitted = false;
    struct options o;

    options_init(&o, cli, command, argc, argv);
    if (!read_request(&o, body))
        return o.exit_code;
    answer = cli_request(cli, "POST", "/v1/admit", body, &code);
    if (!answer)
        return code;
    if (!json_get_bool(answer, "admitted", &admitted) || !json_get_string(answer, "text", &text)) {
        cli_error("the daemon's answer says nothing about admission");
        return EXIT_CODE_FAILED;
    }
    if (cli->json) {
        cli_print_json(answer);
    } else {
        g_autofree char *clean = text_clean(text, false);
        g_autofree char *line = g_strconcat(clean, "\n", NULL);

        cli_print(line);
    }
    return admitted ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

const struct command COMMAND_ADMIT = {
    .name = "admit",
    .operands = "--size SIZE",
    .summary = "Whether a guest may come: what it is sure of must fit the host",
    .details =
        "Exit status 0: it may; 1 with the reason on standard output: it may not. The libvirt\n"
        "hook and aerostat-qemu ask so before a guest starts.",
    .options = OPTIONS,
    .run = run,
};
