/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a whole guest out of memory, and brings it back. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/info.h"
#include "cli/options.h"

#define LOOK_USEC 500000 /* between two looks while it waits */
/* The daemon says at once that it has begun; a pager that is busy with something else may not. */
#define BEGIN_LOOKS 6

static const struct option_spec OPTIONS[] = {
    {'w', "wait", NULL, "show how far it is, and return when it is done"},
    {0},
};

/* What the two verbs differ in. */
struct verb {
    const char *name, *phase, *parked, *done;
};

static const struct verb PARK = {"park", "parking", "yes", "parked"};
static const struct verb UNPARK = {"unpark", "unparking", "no", "unparked"};

/* "web: parking: 1.2G resident, 300M zero, 100M compressed, 400M swapped". */
static char *line_of(const struct guest_info *guest, const char *word)
{
    const struct pager_info *p = &guest->pager;
    char buf[4][TEXT_FIGURE_MAX];
    g_autofree char *line = g_strdup_printf(
        "%s: %s: %s resident, %s zero, %s compressed, %s swapped", text_or_dash(guest->name), word,
        text_size(p->resident, buf[0]), text_size(p->zero, buf[1]),
        text_size(p->compressed, buf[2]), text_size(p->swapped, buf[3]));

    return text_clean(line, false);
}

static void print_line(const struct guest_info *guest, const char *word)
{
    g_autofree char *line = line_of(guest, word);
    g_autofree char *out = g_strconcat(line, "\n", NULL);

    cli_print(out);
}

/* On a terminal one line that changes; nothing where nobody looks. */
static void show_progress(const struct guest_info *guest, const struct verb *verb)
{
    g_autofree char *line = line_of(guest, verb->phase);

    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%s\033[K", line);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        (void)fputs("\r\033[K", stderr);
}

enum progress {
    PROGRESS_GOES_ON,
    PROGRESS_DONE,
    PROGRESS_FAILED,
};

static enum progress judge(const struct guest_info *guest, const struct verb *verb, unsigned looks)
{
    const struct pager_info *p = &guest->pager;

    if (!p->standing || strcmp(p->standing, "refused") == 0 || strcmp(p->standing, "ending") == 0)
        return PROGRESS_FAILED;
    /* One that takes over goes on where the last one was. */
    if (strcmp(p->standing, "serves") != 0 || g_strcmp0(p->phase, "serving") != 0)
        return PROGRESS_GOES_ON;
    if (g_strcmp0(p->parked, verb->parked) == 0)
        return PROGRESS_DONE;
    return looks < BEGIN_LOOKS ? PROGRESS_GOES_ON : PROGRESS_FAILED;
}

static void print_outcome(struct cli *cli, struct json_object *answer,
                          const struct guest_info *guest, const char *word)
{
    if (cli->json)
        cli_print_json(answer);
    else
        print_line(guest, word);
}

/* Looks until it is over. Where nothing is under way any more and it is not done, it has failed. */
static enum exit_code wait_for_end(struct cli *cli, const char *name, const struct verb *verb)
{
    g_autofree char *path = cli_guest_path(name, "");
    unsigned looks = 0;

    for (;;) {
        enum exit_code code = EXIT_CODE_OK;
        autojson answer = cli_request(cli, "GET", path, NULL, &code);
        struct guest_info guest;
        enum progress progress;

        if (!answer)
            return code;
        guest_info_read(&guest, answer);
        progress = judge(&guest, verb, looks);
        if (progress == PROGRESS_GOES_ON) {
            show_progress(&guest, verb);
            looks = g_strcmp0(guest.pager.phase, verb->phase) == 0 ? BEGIN_LOOKS : looks + 1;
            g_usleep(LOOK_USEC);
            continue;
        }
        clear_progress();
        if (progress == PROGRESS_DONE) {
            print_outcome(cli, answer, &guest, verb->done);
            return EXIT_CODE_OK;
        }
        cli_error("%s: it was not %s: %s", name, verb->done,
                  guest.pager.error ? guest.pager.error
                                    : "the pager has given up; 'aerostat events' says why");
        return EXIT_CODE_FAILED;
    }
}

static enum exit_code order(struct cli *cli, const struct command *command, int argc, char **argv,
                            const struct verb *verb)
{
    g_autofree char *path = NULL, *suffix = g_strconcat("/", verb->name, NULL);
    enum exit_code code = EXIT_CODE_OK;
    autojson answer = NULL;
    struct guest_info guest;
    struct options o;
    bool wait = false;
    int id;

    options_init(&o, cli, command, argc, argv);
    while ((id = options_next(&o)) > 0)
        wait = true;
    if (id != OPTIONS_END || !options_count_operands(&o, 1, 1))
        return o.exit_code;
    path = cli_guest_path(*options_operands(&o), suffix);
    answer = cli_request(cli, "POST", path, NULL, &code);
    if (!answer)
        return code;
    if (wait)
        return wait_for_end(cli, *options_operands(&o), verb);
    guest_info_read(&guest, answer);
    print_outcome(cli, answer, &guest, verb->phase);
    return EXIT_CODE_OK;
}

static enum exit_code run_park(struct cli *cli, const struct command *command, int argc,
                               char **argv)
{
    return order(cli, command, argc, argv, &PARK);
}

static enum exit_code run_unpark(struct cli *cli, const struct command *command, int argc,
                                 char **argv)
{
    return order(cli, command, argc, argv, &UNPARK);
}

const struct command COMMAND_PARK = {
    .name = "park",
    .operands = "VM",
    .summary = "Puts a whole guest out of memory, into its swap file",
    .details = "The guest goes on, if slowly: what it touches comes back page by page. It takes a\n"
               "guest with a pager ('aerostat explain VM').",
    .options = OPTIONS,
    .run = run_park,
};

const struct command COMMAND_UNPARK = {
    .name = "unpark",
    .operands = "VM",
    .summary = "Brings a guest that was parked back into memory",
    .details = "At the disk's speed, while the guest runs.",
    .options = OPTIONS,
    .run = run_unpark,
};
