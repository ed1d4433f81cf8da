/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of one guest. Words are checked here, so that a typing mistake is told from a refusal,
 * and sent as the exact values that JSON has for them; whether they go together is the daemon's to
 * say.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/size.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/settings.h"

static bool put_word(struct json_object *body, const char *member, const char *value,
                     const char *const *allowed)
{
    if (!g_strv_contains(allowed, value))
        return false;
    json_put_string(body, member, value);
    return true;
}

static bool put_size(struct json_object *body, const char *member, const char *value)
{
    uint64_t bytes;

    if (!size_parse(value, &bytes))
        return false;
    json_put_u64(body, member, bytes);
    return true;
}

static bool put_limit(struct json_object *body, const char *member, const char *value)
{
    static const char *const words[] = {"none", NULL};

    return put_word(body, member, value, words) || put_size(body, member, value);
}

static bool put_shares(struct json_object *body, const char *member, const char *value)
{
    static const char *const words[] = {"high", "normal", "low", NULL};
    guint64 shares;

    if (put_word(body, member, value, words))
        return true;
    if (!g_ascii_string_to_unsigned(value, 10, 1, G_MAXINT64, &shares, NULL))
        return false;
    json_put_u64(body, member, shares);
    return true;
}

static bool put_bool(struct json_object *body, const char *member, const char *value)
{
    static const char *const yes[] = {"yes", "true", "on", "1", NULL};
    static const char *const no[] = {"no", "false", "off", "0", NULL};
    bool is_yes = g_strv_contains(yes, value);

    if (!is_yes && !g_strv_contains(no, value))
        return false;
    json_put_bool(body, member, is_yes);
    return true;
}

static bool put_swap(struct json_object *body, const char *member, const char *value)
{
    /* As the configuration says it, and as the API shows it. */
    static const char *const words[] = {"auto", "yes", "no", "unknown", "present", "absent", NULL};

    return put_word(body, member, value, words);
}

static bool put_domain(struct json_object *body, const char *member, const char *value)
{
    json_put_string(body, member, value);
    return true;
}

/* A key, its member of the API's object, and what may stand behind it. */
const struct setting SETTINGS[] = {
    {"shares", "shares", "high, normal, low or a number from 1", put_shares},
    {"reservation", "reservation", "a size like 256M", put_size},
    {"limit", "limit", "none or a size like 1G", put_limit},
    {"exempt", "exempt", "yes or no", put_bool},
    {"guest-swap", "guest_swap", "yes, no or auto", put_swap},
    {"pager", "pager", "yes or no", put_bool},
    {"share", "share", "none or the name of a trust domain", put_domain},
    {0},
};

static const struct setting *find(const char *key)
{
    for (const struct setting *s = SETTINGS; s->key; s++) {
        if (strcmp(s->key, key) == 0)
            return s;
    }
    return NULL;
}

/* One "key=value" into @body. */
static enum exit_code add(const struct command *command, struct json_object *body, const char *word)
{
    const char *equals = strchr(word, '=');
    g_autofree char *key = equals ? g_strndup(word, (gsize)(equals - word)) : NULL;
    const struct setting *setting = key ? find(key) : NULL;
    const char *value = equals ? equals + 1 : NULL;

    if (!equals)
        return usage_error(command, "'%s' is no key=value", word);
    if (!setting)
        return usage_error(command,
                           "unknown setting '%s': there are shares, reservation, limit, exempt, "
                           "guest-swap, pager and share",
                           key);
    if (json_object_object_get_ex(body, setting->member, NULL))
        return usage_error(command, "'%s' is given twice", key);
    if (*value == '\0' || strcmp(value, "default") == 0)
        json_put_null(body, setting->member);
    else if (!setting->put(body, setting->member, value))
        return usage_error(command, "%s=%s: it takes %s, or nothing for the configured value", key,
                           value, setting->allowed);
    return EXIT_CODE_OK;
}

static void print_guest(struct json_object *answer)
{
    static const char *const shown[] = {"shares", "reservation", "limit", "exempt", "guest-swap"};
    g_autofree char *domain = NULL;
    g_autoptr(GString) line = g_string_new(NULL);
    struct guest_info guest;
    g_autofree char *name = NULL;

    guest_info_read(&guest, answer);
    name = text_clean(text_or_dash(guest.name), false);
    g_string_append_printf(line, "%s:", name);
    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        g_autofree char *text = column_text(&COLUMNS[column_find(shown[i])], &guest, false);

        g_string_append_printf(line, " %s=%s", shown[i], text);
    }
    domain = text_clean(guest.sharing.domain ? guest.sharing.domain : "none", false);
    g_string_append_printf(line, " share=%s\n", domain);
    cli_print(line->str);
}

static enum exit_code run(struct cli *cli, const struct command *command, int argc, char **argv)
{
    enum exit_code code = EXIT_CODE_OK;
    g_autofree char *path = NULL;
    autojson body = json_object_new_object();
    autojson answer = NULL;
    char **operands;

    if (!options_only_operands(cli, command, argc, argv, 2, G_MAXUINT, &operands, &code))
        return code;
    for (char **word = operands + 1; *word && code == EXIT_CODE_OK; word++)
        code = add(command, body, *word);
    if (code != EXIT_CODE_OK)
        return code;
    path = cli_guest_path(operands[0], "");
    answer = cli_request(cli, "PATCH", path, body, &code);
    if (!answer)
        return code;
    if (cli->json)
        cli_print_json(answer);
    else
        print_guest(answer);
    return EXIT_CODE_OK;
}

const struct command COMMAND_SET = {
    .name = "set",
    .operands = "VM KEY=VALUE...",
    .summary = "Changes settings of a guest",
    .details =
        "Keys:\n"
        "  shares=high|normal|low|N            weight when memory is short\n"
        "  reservation=SIZE                    never reclaimed below this\n"
        "  limit=SIZE|none                     never more than this\n"
        "  exempt=yes|no                       never acted upon\n"
        "  guest-swap=yes|no|auto              whether the guest has swap space\n"
        "  pager=yes|no                        whether the host may swap it (pager or kernel)\n"
        "  share=DOMAIN|none                   merge its pages with others of this trust domain\n"
        "A key without a value, or with the value default, goes back to the configuration. All or\n"
        "nothing is changed. Settings last until the guest or the daemon ends.",
    .run = run,
};
