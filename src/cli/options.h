/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line read with getopt_long from the tables in struct command. The common options
 * (--socket, --json, --help) are understood before the verb and after it.
 */
#pragma once

#include <getopt.h>

#include "cli/cli.h"

#define OPTIONS_MAX 32 /* of one command, the common ones included */

extern const struct option_spec COMMON_OPTIONS[];

struct options {
    struct cli *cli;
    const struct command *command; /* NULL: before the verb */
    int argc;
    char **argv;
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 4];
    const char *value;        /* argument of the option that options_next gave */
    enum exit_code exit_code; /* where options_next gave OPTIONS_DONE */
};

enum {
    OPTIONS_END = 0,   /* operands begin at options_operands() */
    OPTIONS_DONE = -1, /* help was asked for, or a mistake was reported: return exit_code */
};

void options_init(struct options *o, struct cli *cli, const struct command *command, int argc,
                  char **argv);

/* The next option's id, or one of the above. The common options are dealt with here. */
int options_next(struct options *o);

/* The operands after OPTIONS_END, NULL at the end. */
char **options_operands(const struct options *o);

/*
 * All in one for commands without options of their own: true, and the operands, where there are
 * @min to @max of them. Otherwise the mistake was reported and @ret_code is to be returned.
 */
bool options_only_operands(struct cli *cli, const struct command *command, int argc, char **argv,
                           unsigned min, unsigned max, char ***ret_operands,
                           enum exit_code *ret_code);

/* Checks the number of operands as above. */
bool options_count_operands(struct options *o, unsigned min, unsigned max);

/* Reports "VERB: MESSAGE (see 'aerostat help VERB')" and returns EXIT_CODE_USAGE. */
enum exit_code usage_error(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The help of one command, or of the program where it is NULL, to standard output. */
void help_print(const struct command *command);
