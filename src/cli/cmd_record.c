/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes down what the guests of a host do with their memory, as a trace for `simulate` and `plan`.
 * A guest that is missing has ended; a daemon that does not answer is waited for, and its guests
 * hold what they had meanwhile.
 */
#include <math.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/size.h"
#include "cli/commands.h"
#include "cli/members.h"
#include "cli/options.h"
#include "cli/record_file.h"
#include "cli/record_row.h"
#include "client/client.h"
#include "scenario/error.h"

#define INTERVAL_USEC     UINT64_C(10000000)
#define INTERVAL_USEC_MIN UINT64_C(1000000)
#define INTERVAL_USEC_MAX UINT64_C(3600000000)
#define LENGTH_USEC_MAX   UINT64_C(63158400000000) /* two years, as a trace may have */
/* How long a daemon that has answered before is waited for. */
#define AWAY_USEC_MAX UINT64_C(600000000)

enum {
    OPTION_INTERVAL = OPTION_LONG_ONLY,
    OPTION_FOR,
};

static const struct option_spec OPTIONS[] = {
    {OPTION_INTERVAL, "interval", "TIME", "between two looks, 1s to 1h (default: 10s)"},
    {OPTION_FOR, "for", "TIME", "end after so long (default: at SIGINT or SIGTERM)"},
    {0},
};

struct recorded {
    uint64_t pid;
    double last; /* time of its last line */
    bool seen;   /* in this look */
};

struct recording {
    struct cli *cli;
    struct record_file file;
    GHashTable *guests; /* name -> struct recorded */
    uint64_t interval, length;
    uint64_t away_since; /* monotonic; 0: the daemon answers */
    bool set_back;       /* the clock was, and that was said */
    unsigned looks, lines, begun;
};

static double now(void)
{
    return (double)g_get_real_time() / 1e6;
}

/* The guest ended at some time since its last line. */
static void end_guest(struct recording *r, GString *out, const char *name, double last, double t)
{
    record_end_row(out, (last + t) / 2, name);
    r->lines++;
}

static void take_guest(struct recording *r, GString *out, struct json_object *guest, double t)
{
    const char *name = member_string(guest, "name");
    struct recorded *known = name ? g_hash_table_lookup(r->guests, name) : NULL;
    uint64_t pid = member_u64(guest, "pid");

    if (known && known->pid != pid) {
        end_guest(r, out, name, known->last, t);
        g_hash_table_remove(r->guests, name);
        known = NULL;
    }
    if (!record_row(out, t, guest, !known)) {
        if (known)
            known->seen = true; /* not known well just now; it holds what it had */
        return;
    }
    r->lines++;
    if (!known) {
        known = g_new0(struct recorded, 1);
        g_hash_table_insert(r->guests, g_strdup(name), known);
        r->begun++;
    }
    *known = (struct recorded){.pid = pid, .last = t, .seen = true};
}

static void end_missing(struct recording *r, GString *out, double t)
{
    GHashTableIter iter;
    void *name, *data;

    g_hash_table_iter_init(&iter, r->guests);
    while (g_hash_table_iter_next(&iter, &name, &data)) {
        struct recorded *known = data;

        if (!known->seen) {
            end_guest(r, out, name, known->last, t);
            g_hash_table_iter_remove(&iter);
        } else {
            known->seen = false;
        }
    }
}

static bool write_look(struct recording *r, struct json_object *answer, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json_object *guests = json_get_array(answer, "guests");
    double t = now();

    if (t <= r->file.last) {
        if (!r->set_back)
            cli_error("the clock was set back; nothing is written until it has caught up");
        r->set_back = true;
        return true;
    }
    for (size_t i = 0; guests && i < json_object_array_length(guests); i++)
        take_guest(r, out, json_object_array_get_idx(guests, i), t);
    end_missing(r, out, t);
    r->looks++;
    r->file.last = t;
    return record_file_append(&r->file, out, error);
}

/* Those of an earlier recording have ended with it, as far as anybody knows. */
static bool end_earlier(struct recording *r, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (r->file.last >= now())
        return scenario_fail(
            error, "%s: its last line is of a time to come; record into a new file", r->file.path);
    for (unsigned i = 0; i < r->file.alive->len; i++)
        end_guest(r, out, g_ptr_array_index(r->file.alive, i), r->file.last,
                  fmin(now(), r->file.last + (double)r->interval / 1e6));
    return record_file_append(&r->file, out, error);
}

/* The daemon did not answer. False: there is no point in going on. */
static bool wait_for_daemon(struct recording *r, const GError *why)
{
    uint64_t t = (uint64_t)g_get_monotonic_time();

    if (r->looks == 0)
        return false;
    if (r->away_since == 0) {
        cli_error("%s; the guests hold what they had, trying again every %.0f s", why->message,
                  (double)r->interval / 1e6);
        r->away_since = t;
    }
    return t - r->away_since < AWAY_USEC_MAX;
}

static enum exit_code look(struct recording *r)
{
    g_autoptr(GError) error = NULL;
    autojson answer = client_request(cli_client(r->cli), "GET", "/v1/guests", NULL, &error);

    if (!answer)
        return wait_for_daemon(r, error) ? EXIT_CODE_OK : cli_failure(error);
    if (r->away_since > 0)
        cli_error("the daemon answers again");
    r->away_since = 0;
    if (write_look(r, answer, &error))
        return EXIT_CODE_OK;
    cli_error("%s", error->message);
    return EXIT_CODE_FAILED;
}

/* Until the next look. False: a signal asks for the end. */
static bool wait_for_next(uint64_t until, const sigset_t *signals)
{
    uint64_t t = (uint64_t)g_get_monotonic_time();
    uint64_t rest = until > t ? until - t : 0;
    const struct timespec wait = {.tv_sec = (time_t)(rest / 1000000),
                                  .tv_nsec = (long)(rest % 1000000 * 1000)};

    return sigtimedwait(signals, NULL, &wait) < 0;
}

static enum exit_code record(struct recording *r)
{
    uint64_t next = (uint64_t)g_get_monotonic_time();
    uint64_t end = r->length > 0 ? next + r->length : UINT64_MAX;
    enum exit_code code;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    do {
        code = look(r);
        next += r->interval;
    } while (code == EXIT_CODE_OK && next <= end && wait_for_next(next, &signals));
    return code;
}

static enum exit_code read_time(const struct command *command, const char *name, const char *text,
                                uint64_t most, uint64_t *ret)
{
    if (duration_parse(text, ret) && *ret >= INTERVAL_USEC_MIN && *ret <= most)
        return EXIT_CODE_OK;
    return usage_error(command, "--%s %s: it takes a time from %.0f to %.0f s, as 10s or 7d", name,
                       text, (double)INTERVAL_USEC_MIN / 1e6, (double)most / 1e6);
}

static enum exit_code record_into(struct recording *r, const char *path)
{
    g_autofree char *line = NULL;
    g_autoptr(GError) error = NULL;
    enum exit_code code = EXIT_CODE_FAILED;

    if (!record_file_open(&r->file, path, &error)) {
        cli_error("%s", error->message);
        return code;
    }
    r->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (end_earlier(r, &error))
        code = record(r);
    else
        cli_error("%s", error->message);
    line = g_strdup_printf("%u looks, %u guests, %u lines\n", r->looks, r->begun, r->lines);
    if (code == EXIT_CODE_OK)
        cli_print(line);
    g_hash_table_unref(r->guests);
    record_file_close(&r->file);
    return code;
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct recording r = {.cli = cli, .interval = INTERVAL_USEC};
    struct options o;
    int id;

    options_init(&o, cli, command, argc, argv);
    while ((id = options_next(&o)) > 0) {
        o.exit_code = id == OPTION_INTERVAL
                          ? read_time(command, "interval", o.value, INTERVAL_USEC_MAX, &r.interval)
                          : read_time(command, "for", o.value, LENGTH_USEC_MAX, &r.length);
        if (o.exit_code != EXIT_CODE_OK)
            return o.exit_code;
    }
    if (id < 0 || !options_count_operands(&o, 1, 1))
        return o.exit_code;
    return record_into(&r, *options_operands(&o));
}

const struct command COMMAND_RECORD = {
    .name = "record",
    .operands = "FILE.csv",
    .summary = "Writes down what the guests do with their memory, for simulate and plan",
    .details = "Appends to a recording that is there already. The format is aerostat-trace(5).",
    .options = OPTIONS,
    .run = run,
};
