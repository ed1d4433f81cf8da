/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands share: the table they stand in, their exit codes, and talking to the daemon.
 *
 * A subcommand is one file cmd_NAME.c that defines one struct command; main.c lists them. Data goes
 * to standard output, everything said about it to standard error. Whatever came from outside is
 * shown through text_clean() (text.h): names and messages may hold what a terminal would obey.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_NOT_FOUND = 3,
    EXIT_CODE_FORBIDDEN = 4,
    EXIT_CODE_NOT_RUNNING = 7,
};

#define CLI_SOCKET_VARIABLE "AEROSTAT_SOCKET"

struct client;

/* One run of the program. */
struct cli {
    const char *socket;    /* command line, else environment, else the default */
    bool json;             /* --json */
    struct client *client; /* made with the first request */
};

/* An option as getopt_long, the help text and the completion see it. */
struct option_spec {
    int id;               /* the letter, or a number from OPTION_LONG_ONLY on */
    const char *name;     /* without "--"; NULL ends a list */
    const char *argument; /* what it is called in the help; NULL: takes none */
    const char *help;
};

#define OPTION_LONG_ONLY 256

struct command {
    const char *name;
    const char *operands;              /* "VM key=value..." for the help; "" for none */
    const char *summary;               /* one line for the list */
    const char *details;               /* more for `help VERB`; may be NULL */
    const struct option_spec *options; /* besides the common ones; may be NULL */
    bool hidden;                       /* not for people: left out of lists */
    enum exit_code (*run)(struct cli *cli, const struct command *command, int argc, char **argv);
};

/* All subcommands, NULL at the end. */
extern const struct command *const COMMANDS[];
const struct command *command_find(const char *name);

/* "aerostat: MESSAGE" on standard error, in one line. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what went wrong and gives the exit code that belongs to it. */
enum exit_code cli_failure(const GError *error);

/*
 * A request to the daemon (client.h). On failure the message is printed, the code is in @ret_code
 * and the result is NULL.
 */
struct json_object *cli_request(struct cli *cli, const char *method, const char *path,
                                struct json_object *body, enum exit_code *ret_code);

/* The client, for those that handle errors themselves. */
struct client *cli_client(struct cli *cli);

/* "/v1/guests/NAME" + @suffix, NAME escaped; owned by the caller. */
char *cli_guest_path(const char *name, const char *suffix);

/* Prints the object in one line, with what a terminal would obey written as \u escapes. */
void cli_print_json(struct json_object *object);

/* Prints and flushes; a failure to write (a full disk) ends the program with EXIT_CODE_FAILED. */
void cli_print(const char *text);
