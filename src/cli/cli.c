/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/text.h"
#include "client/client.h"

void cli_error(const char *format, ...)
{
    g_autofree char *message = NULL, *clean = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    clean = text_clean(message, false);
    (void)fprintf(stderr, "aerostat: %s\n", clean);
}

enum exit_code cli_failure(const GError *error)
{
    cli_error("%s", error->message);
    if (error->domain != CLIENT_ERROR)
        return EXIT_CODE_FAILED;
    switch ((enum client_error)error->code) {
    case CLIENT_ERROR_NOT_RUNNING:
        return EXIT_CODE_NOT_RUNNING;
    case CLIENT_ERROR_FORBIDDEN:
        return EXIT_CODE_FORBIDDEN;
    case CLIENT_ERROR_NOT_FOUND:
        return EXIT_CODE_NOT_FOUND;
    case CLIENT_ERROR_BAD_REQUEST:
    case CLIENT_ERROR_FAILED:
        break;
    }
    return EXIT_CODE_FAILED;
}

struct client *cli_client(struct cli *cli)
{
    if (!cli->client)
        cli->client = client_new(cli->socket);
    return cli->client;
}

struct json_object *cli_request(struct cli *cli, const char *method, const char *path,
                                struct json_object *body, enum exit_code *ret_code)
{
    g_autoptr(GError) error = NULL;
    struct json_object *answer = client_request(cli_client(cli), method, path, body, &error);

    if (!answer)
        *ret_code = cli_failure(error);
    return answer;
}

char *cli_guest_path(const char *name, const char *suffix)
{
    g_autofree char *escaped = client_escape(name);

    return g_strconcat("/v1/guests/", escaped, suffix, NULL);
}

/* As JSON writes what is beyond 16 bits: a pair of surrogates. */
static void append_escape(GString *out, gunichar c)
{
    if (c <= 0xffff)
        g_string_append_printf(out, "\\u%04x", c);
    else
        g_string_append_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

/*
 * json-c escapes what JSON asks for: control characters below 32. A terminal also obeys DEL and the
 * C1 controls, and formatting characters turn the direction of a line. All of these can only stand
 * inside strings, so they may be replaced in the finished text.
 */
void cli_print_json(struct json_object *object)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);
    g_autoptr(GString) out = g_string_new(NULL);

    while (*text) {
        gunichar c = g_utf8_get_char(text);
        const char *next = text_next(text);
        GUnicodeType type = g_unichar_type(c);

        if (type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT)
            append_escape(out, c);
        else
            g_string_append_len(out, text, next - text);
        text = next;
    }
    g_string_append_c(out, '\n');
    cli_print(out->str);
}

void cli_print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return;
    /* A reader that has left, as head(1) does, wants no more and no message. */
    if (errno != EPIPE)
        cli_error("cannot write to standard output: %s", g_strerror(errno));
    exit(EXIT_CODE_FAILED);
}
