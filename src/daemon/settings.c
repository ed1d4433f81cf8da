/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"

#include <string.h>

#include "base/json.h"
#include "base/size.h"

GQuark settings_error_quark(void)
{
    return g_quark_from_static_string("aerostat-settings-error");
}

#define fail(error, ...) g_set_error(error, SETTINGS_ERROR, 0, __VA_ARGS__)

static const char *const setting_names[] = {
    [SETTING_SHARES] = "shares", [SETTING_RESERVATION] = "reservation", [SETTING_LIMIT] = "limit",
    [SETTING_EXEMPT] = "exempt", [SETTING_GUEST_SWAP] = "guest-swap",   [SETTING_PAGER] = "pager",
    [SETTING_SHARE] = "share",
};
G_STATIC_ASSERT(G_N_ELEMENTS(setting_names) == SETTING_MAX);

static const struct {
    const char *name;
    unsigned per_mib;
} share_levels[] = {
    {"high", SHARES_PER_MIB_HIGH},
    {"normal", SHARES_PER_MIB_NORMAL},
    {"low", SHARES_PER_MIB_LOW},
};

/* As the configuration says it, and as the API shows it (so that what was read can be sent back).
 */
static const struct {
    const char *name;
    enum guest_swap swap;
} swap_words[] = {
    {"auto", GUEST_SWAP_UNKNOWN},    {"yes", GUEST_SWAP_PRESENT},     {"no", GUEST_SWAP_ABSENT},
    {"unknown", GUEST_SWAP_UNKNOWN}, {"present", GUEST_SWAP_PRESENT}, {"absent", GUEST_SWAP_ABSENT},
};

const char *setting_name(enum setting key)
{
    return setting_names[key];
}

static bool parse_shares(struct settings *s, const char *text, GError **error)
{
    guint64 shares;

    for (size_t i = 0; i < G_N_ELEMENTS(share_levels); i++) {
        if (strcmp(text, share_levels[i].name) == 0) {
            s->shares_per_mib = share_levels[i].per_mib;
            s->shares = 0;
            return true;
        }
    }
    if (!g_ascii_string_to_unsigned(text, 10, 1, SETTING_SHARES_MAX, &shares, NULL)) {
        fail(error, "shares: '%.64s' is neither high, normal, low nor a whole number from 1 to %u",
             text, SETTING_SHARES_MAX);
        return false;
    }
    s->shares_per_mib = 0;
    s->shares = shares;
    return true;
}

static bool parse_limit(struct settings *s, const char *text, GError **error)
{
    uint64_t limit;

    if (strcmp(text, "none") == 0) {
        s->limit = 0;
        return true;
    }
    if (!size_parse(text, &limit)) {
        fail(error, "limit: '%.64s' is no size; allowed are 'none' and sizes such as 768M or 2G",
             text);
        return false;
    }
    if (limit < SETTING_LIMIT_MIN) {
        fail(error, "limit: '%.64s' is less than 1M; 'none' means no limit", text);
        return false;
    }
    s->limit = limit;
    return true;
}

static bool parse_switch(enum setting key, bool *ret, const char *text, GError **error)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;

    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "no") != 0) {
        fail(error, "%s: '%.64s' is neither yes, no, true nor false", setting_names[key], text);
        return false;
    }
    *ret = yes;
    return true;
}

static bool parse_swap(struct settings *s, const char *text, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(swap_words); i++) {
        if (strcmp(text, swap_words[i].name) == 0) {
            s->swap = swap_words[i].swap;
            return true;
        }
    }
    fail(error, "guest-swap: '%.64s' is neither auto, yes nor no", text);
    return false;
}

static bool parse_share(struct settings *s, const char *text, GError **error)
{
    static const char allowed[] = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._:-";
    size_t length = strlen(text);

    if (length == 0 || length > SHARE_DOMAIN_MAX || strspn(text, allowed) != length) {
        fail(error,
             "share: '%.64s' is neither none nor the name of a trust domain: up to %d letters, "
             "digits and . _ : -",
             text, SHARE_DOMAIN_MAX);
        return false;
    }
    g_strlcpy(s->share, strcmp(text, "none") == 0 ? "" : text, sizeof(s->share));
    return true;
}

bool settings_parse(struct settings *s, enum setting key, const char *text, GError **error)
{
    bool ok = false;

    switch (key) {
    case SETTING_SHARES:
        ok = parse_shares(s, text, error);
        break;
    case SETTING_RESERVATION:
        ok = size_parse(text, &s->reservation);
        if (!ok)
            fail(error,
                 "reservation: '%.64s' is no size; allowed are 0 and sizes such as 256M or 1G",
                 text);
        break;
    case SETTING_LIMIT:
        ok = parse_limit(s, text, error);
        break;
    case SETTING_EXEMPT:
        ok = parse_switch(key, &s->exempt, text, error);
        break;
    case SETTING_GUEST_SWAP:
        ok = parse_swap(s, text, error);
        break;
    case SETTING_PAGER:
        ok = parse_switch(key, &s->pager, text, error);
        break;
    case SETTING_SHARE:
        ok = parse_share(s, text, error);
        break;
    case SETTING_MAX:
        g_assert_not_reached();
    }
    if (ok)
        s->given |= 1u << key;
    return ok;
}

/* The setting that the API calls @member, or SETTING_MAX. */
static enum setting setting_of_member(const char *member)
{
    for (int i = 0; i < SETTING_MAX; i++) {
        g_autofree char *name = g_strdelimit(g_strdup(setting_names[i]), "-", '_');

        if (strcmp(member, name) == 0 || strcmp(member, setting_names[i]) == 0)
            return (enum setting)i;
    }
    return SETTING_MAX;
}

/* What a setting may be in JSON besides a string. */
static const struct {
    json_type type;
    const char *words;
} json_forms[SETTING_MAX] = {
    [SETTING_SHARES] = {json_type_int, "a whole number, a string and null"},
    [SETTING_RESERVATION] = {json_type_int, "a whole number, a string and null"},
    [SETTING_LIMIT] = {json_type_int, "a whole number, a string and null"},
    [SETTING_EXEMPT] = {json_type_boolean, "true, false, a string and null"},
    [SETTING_GUEST_SWAP] = {json_type_string, "a string and null"},
    [SETTING_PAGER] = {json_type_boolean, "true, false, a string and null"},
    [SETTING_SHARE] = {json_type_string, "a string and null"},
};

static bool patch_one(struct settings *s, enum setting key, struct json_object *value,
                      GError **error)
{
    if (value == NULL) {
        s->given &= ~(1u << key);
        return true;
    }
    if (json_object_is_type(value, json_type_string)) {
        const char *text = json_object_get_string(value);

        if (strlen(text) == (size_t)json_object_get_string_len(value))
            return settings_parse(s, key, text, error);
        fail(error, "%s: a NUL character in the value", setting_names[key]);
        return false;
    }
    /* json-c prints integers and booleans as a person would write them. */
    if (json_object_is_type(value, json_forms[key].type))
        return settings_parse(s, key, json_object_to_json_string(value), error);
    fail(error, "%s: %.64s is of the wrong type; allowed are %s", setting_names[key],
         json_object_to_json_string(value), json_forms[key].words);
    return false;
}

bool settings_patch(struct settings *s, struct json_object *body, GError **error)
{
    struct settings patched = *s;

    if (!json_object_is_type(body, json_type_object)) {
        fail(error, "the body must be a JSON object of settings, such as {\"limit\": \"2G\"}");
        return false;
    }
    if (json_object_object_length(body) == 0) {
        fail(error, "nothing to set: give any of shares, reservation, limit, exempt, guest_swap, "
                    "pager, share");
        return false;
    }
    for (struct json_object_iterator it = json_object_iter_begin(body),
                                     end = json_object_iter_end(body);
         !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *member = json_object_iter_peek_name(&it);
        enum setting key = setting_of_member(member);

        if (key == SETTING_MAX) {
            fail(error,
                 "there is no setting '%.64s'; allowed are shares, reservation, limit, exempt, "
                 "guest_swap, pager, share",
                 member);
            return false;
        }
        if (!patch_one(&patched, key, json_object_iter_peek_value(&it), error))
            return false;
    }
    *s = patched;
    return true;
}

void settings_merge(struct settings *s, const struct settings *over)
{
    if (over->given & 1u << SETTING_SHARES) {
        s->shares_per_mib = over->shares_per_mib;
        s->shares = over->shares;
    }
    if (over->given & 1u << SETTING_RESERVATION)
        s->reservation = over->reservation;
    if (over->given & 1u << SETTING_LIMIT)
        s->limit = over->limit;
    if (over->given & 1u << SETTING_EXEMPT)
        s->exempt = over->exempt;
    if (over->given & 1u << SETTING_GUEST_SWAP)
        s->swap = over->swap;
    if (over->given & 1u << SETTING_PAGER)
        s->pager = over->pager;
    if (over->given & 1u << SETTING_SHARE)
        g_strlcpy(s->share, over->share, sizeof(s->share));
    s->given |= over->given;
}

bool settings_check(const struct settings *s, uint64_t size, GError **error)
{
    char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

    if (s->limit && s->reservation > s->limit) {
        fail(error, "reservation %s is more than limit %s; lower the one or raise the other",
             size_format(s->reservation, a), size_format(s->limit, b));
        return false;
    }
    if (size && s->reservation > size) {
        fail(error,
             "reservation %s is more than the guest's size %s; the most that can be reserved "
             "is its size",
             size_format(s->reservation, a), size_format(size, b));
        return false;
    }
    return true;
}

struct guest_settings settings_resolve(const struct settings *s, uint64_t size)
{
    return (struct guest_settings){
        .shares = s->shares_per_mib ? u64_max(s->shares_per_mib * (size / MIB), 1) : s->shares,
        .reservation = u64_min(s->reservation, size),
        .limit = s->limit,
        .exempt = s->exempt,
        .swap = s->swap,
    };
}
