/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getopt_long does the reading, but its own messages are off: a mistake is one line that names the
 * word that is wrong and where to read more.
 */
#include "cli/options.h"

#include <string.h>

#include "cli/text.h"

const struct option_spec COMMON_OPTIONS[] = {
    {'s', "socket", "PATH",
     "the daemon's socket (default: $" CLI_SOCKET_VARIABLE ", else /run/aerostat/api.sock)"},
    {'j', "json", NULL, "print JSON: sizes in bytes, one object per line"},
    {'h', "help", NULL, "print help"},
    {0},
};

static size_t add_options(struct options *o, const struct option_spec *specs, size_t count)
{
    size_t shorts = strlen(o->shorts);

    for (const struct option_spec *spec = specs; spec && spec->name; spec++) {
        g_assert(count < OPTIONS_MAX);
        o->longs[count++] =
            (struct option){.name = spec->name,
                            .has_arg = spec->argument ? required_argument : no_argument,
                            .val = spec->id};
        if (spec->id >= OPTION_LONG_ONLY)
            continue;
        o->shorts[shorts++] = (char)spec->id;
        if (spec->argument)
            o->shorts[shorts++] = ':';
    }
    return count;
}

void options_init(struct options *o, struct cli *cli, const struct command *command, int argc,
                  char **argv)
{
    size_t count;

    *o = (struct options){.cli = cli, .command = command, .argc = argc, .argv = argv};
    /* ':' tells a missing argument from an unknown option; '+' stops at the verb. */
    g_strlcpy(o->shorts, command ? ":" : "+:", sizeof(o->shorts));
    count = add_options(o, COMMON_OPTIONS, 0);
    add_options(o, command ? command->options : NULL, count);
    optind = 0; /* glibc: begin anew, even in the middle of a word */
    opterr = 0;
}

/* The word as it was typed, for a message: "-x" of "-bx", or "--long" without its value. */
static char *current_word(const struct options *o)
{
    const char *word = o->argv[optind > 0 ? optind - 1 : 0];

    if (optopt != 0 && optopt < OPTION_LONG_ONLY && !g_str_has_prefix(word, "--"))
        return g_strdup_printf("-%c", optopt);
    return g_strndup(word, strcspn(word, "="));
}

static int mistake(struct options *o, int code)
{
    g_autofree char *word = current_word(o);

    if (code == ':')
        o->exit_code = usage_error(o->command, "option %s needs a value", word);
    else if (optopt != 0 && g_str_has_prefix(word, "--"))
        o->exit_code = usage_error(o->command, "option %s takes no value", word);
    else
        o->exit_code = usage_error(o->command, "unknown option %s", word);
    return OPTIONS_DONE;
}

int options_next(struct options *o)
{
    int id;

    while ((id = getopt_long(o->argc, o->argv, o->shorts, o->longs, NULL)) != -1) {
        o->value = optarg;
        switch (id) {
        case 's':
            o->cli->socket = optarg;
            break;
        case 'j':
            o->cli->json = true;
            break;
        case 'h':
            help_print(o->command);
            o->exit_code = EXIT_CODE_OK;
            return OPTIONS_DONE;
        case '?':
        case ':':
            return mistake(o, id);
        default:
            return id;
        }
    }
    return OPTIONS_END;
}

char **options_operands(const struct options *o)
{
    return o->argv + optind;
}

bool options_count_operands(struct options *o, unsigned min, unsigned max)
{
    char **operands = options_operands(o);
    unsigned count = g_strv_length(operands);

    if (count < min)
        o->exit_code = usage_error(o->command, "something is missing: aerostat %s %s",
                                   o->command->name, o->command->operands);
    else if (count > max)
        o->exit_code = usage_error(o->command, "'%s' is one word too many", operands[max]);
    else
        return true;
    return false;
}

bool options_only_operands(struct cli *cli, const struct command *command, int argc, char **argv,
                           unsigned min, unsigned max, char ***ret_operands,
                           enum exit_code *ret_code)
{
    struct options o;

    options_init(&o, cli, command, argc, argv);
    if (options_next(&o) != OPTIONS_END || !options_count_operands(&o, min, max)) {
        *ret_code = o.exit_code;
        return false;
    }
    *ret_operands = options_operands(&o);
    return true;
}

enum exit_code usage_error(const struct command *command, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    if (command)
        cli_error("%s: %s (see 'aerostat help %s')", command->name, message, command->name);
    else
        cli_error("%s (see 'aerostat help')", message);
    return EXIT_CODE_USAGE;
}

static void print_options(GString *out, const struct option_spec *specs)
{
    for (const struct option_spec *spec = specs; spec && spec->name; spec++) {
        g_autofree char *name = g_strconcat("--", spec->name, spec->argument ? " " : "",
                                            spec->argument ? spec->argument : "", NULL);

        if (spec->id < OPTION_LONG_ONLY)
            g_string_append_printf(out, "  -%c, %-16s  %s\n", spec->id, name, spec->help);
        else
            g_string_append_printf(out, "      %-16s  %s\n", name, spec->help);
    }
}

static void print_command_help(GString *out, const struct command *command)
{
    g_string_append_printf(out, "Usage: aerostat %s [OPTION]...%s%s\n%s.\n", command->name,
                           *command->operands ? " " : "", command->operands, command->summary);
    if (command->details)
        g_string_append_printf(out, "\n%s\n", command->details);
    g_string_append(out, "\nOptions:\n");
    print_options(out, command->options);
    print_options(out, COMMON_OPTIONS);
}

void help_print(const struct command *command)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (command) {
        print_command_help(out, command);
    } else {
        g_string_append(out,
                        "Usage: aerostat [OPTION]... VERB [ARGUMENT]...\n"
                        "Shows and steers the memory of this host's virtual machines.\n\nVerbs:\n");
        for (const struct command *const *c = COMMANDS; *c; c++) {
            g_autofree char *usage =
                g_strconcat((*c)->name, *(*c)->operands ? " " : "", (*c)->operands, NULL);

            if (!(*c)->hidden)
                g_string_append_printf(out, "  %-22s  %s\n", usage, (*c)->summary);
        }
        g_string_append(out, "\nOptions:\n");
        print_options(out, COMMON_OPTIONS);
        g_string_append(out, "      --version         print the version of this program\n"
                             "\n'aerostat help VERB' tells more about a verb.\n");
    }
    cli_print(out->str);
}
