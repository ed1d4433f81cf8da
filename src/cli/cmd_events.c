/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon did and saw. Following asks again every second from where the last answer ended,
 * and goes on when the daemon is restarted: its numbers then begin anew.
 */
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/info.h"
#include "cli/options.h"
#include "cli/ring.h"
#include "client/client.h"

#define FOLLOW_SECONDS 1

enum {
    OPTION_SINCE = OPTION_LONG_ONLY,
    OPTION_GUEST,
};

struct reader {
    struct cli *cli;
    struct ring_query query;
    bool away; /* the daemon did not answer last time, and that was said */
};

static void print_event(struct json_object *event)
{
    char time[TEXT_FIGURE_MAX];
    const char *kind = NULL, *guest = NULL, *text = NULL;
    uint64_t seq = UNKNOWN_U64;
    double seconds = UNKNOWN_DOUBLE;
    g_autofree char *line = NULL, *clean = NULL, *out = NULL;

    json_get_u64(event, "seq", &seq);
    json_get_double(event, "time", &seconds);
    json_get_string(event, "kind", &kind);
    json_get_string(event, "guest", &guest);
    json_get_string(event, "text", &text);
    line = g_strdup_printf("%-19s  %6" PRIu64 "  %-12s  %-12s  %s", text_time(seconds, time), seq,
                           text_or_dash(kind), text_or_dash(guest), text_or_dash(text));
    clean = text_clean(line, false);
    out = g_strconcat(clean, "\n", NULL);
    cli_print(out);
}

static void print_events(const struct reader *reader, struct json_object *answer)
{
    struct json_object *events = json_get_array(answer, "events");
    size_t count = events ? json_object_array_length(events) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *event = json_object_array_get_idx(events, i);

        if (reader->cli->json)
            cli_print_json(event);
        else
            print_event(event);
    }
}

static struct json_object *get(struct reader *reader, GError **error)
{
    g_autofree char *path = ring_path("/v1/events", &reader->query);
    struct json_object *answer = client_request(cli_client(reader->cli), "GET", path, NULL, error);
    uint64_t lost = 0;

    if (json_get_u64(answer, "lost", &lost) && lost > 0)
        cli_error("%" PRIu64 " events are lost: they left the daemon's ring before they were read",
                  lost);
    return answer;
}

static enum exit_code print_all(struct reader *reader)
{
    g_autoptr(GError) error = NULL;
    autojson answer = get(reader, &error);

    if (!answer)
        return cli_failure(error);
    if (reader->cli->json)
        cli_print_json(answer);
    else
        print_events(reader, answer);
    return EXIT_CODE_OK;
}

/* Moves the reader past what it was given. */
static void advance(struct reader *reader, struct json_object *answer)
{
    uint64_t next = reader->query.since;

    json_get_u64(answer, "next", &next);
    if (next < reader->query.since) {
        cli_error("the daemon was restarted: its events begin anew");
        next = 0;
    }
    reader->query.since = next;
}

/* One look; an error only where there is no point in trying again. */
static enum exit_code follow_once(struct reader *reader, bool first)
{
    g_autoptr(GError) error = NULL;
    autojson answer = get(reader, &error);

    if (answer) {
        print_events(reader, answer);
        advance(reader, answer);
        reader->away = false;
        return EXIT_CODE_OK;
    }
    if (first)
        return cli_failure(error);
    if (!reader->away)
        cli_error("%s; trying again every %d s", error->message, FOLLOW_SECONDS);
    reader->away = true;
    return EXIT_CODE_OK;
}

/* False where nobody reads any more, as in `events -f | head`: the next event may be far. */
static bool wait_for_next_look(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, FOLLOW_SECONDS * 1000) <= 0;
}

static enum exit_code follow(struct reader *reader)
{
    enum exit_code code = follow_once(reader, true);

    while (code == EXIT_CODE_OK && wait_for_next_look())
        code = follow_once(reader, false);
    return code;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct reader reader = {.cli = cli};
    bool follow_on = false;
    struct options o;
    int id;

    options_init(&o, cli, command, argc, argv);
    while ((id = options_next(&o)) > 0) {
        if (id == 'f')
            follow_on = true;
        else if (id == OPTION_GUEST)
            reader.query.guest = o.value;
        else if (id == OPTION_SINCE &&
                 !g_ascii_string_to_unsigned(o.value, 10, 0, G_MAXINT64, &reader.query.since, NULL))
            return usage_error(command, "--since %s: it takes an event's number", o.value);
    }
    if (id < 0 || !options_count_operands(&o, 0, 0))
        return o.exit_code;
    return follow_on ? follow(&reader) : print_all(&reader);
}

static const struct option_spec OPTIONS[] = {
    {'f', "follow", NULL, "go on with new events as they happen"},
    {OPTION_SINCE, "since", "N", "begin with the event of this number"},
    {OPTION_GUEST, "guest", "VM", "only events of this guest"},
    {0},
};

const struct command COMMAND_EVENTS = {
    .name = "events",
    .operands = "",
    .summary = "What the daemon did and saw, oldest first",
    .details = "With --json: the API's answer; with --follow also, one event per line.",
    .options = OPTIONS,
    .run = run,
};
