/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator may say about one guest, in the configuration ([vm "name"]) or over the API.
 * Kept as it was said: "high" shares become a figure only with the guest's size, and a setting that
 * was not given is not the same as its default.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"

enum setting {
    SETTING_SHARES,
    SETTING_RESERVATION,
    SETTING_LIMIT,
    SETTING_EXEMPT,
    SETTING_GUEST_SWAP,
    SETTING_PAGER,
    SETTING_SHARE,
    SETTING_MAX,
};

#define SETTING_SHARES_MAX UINT32_MAX
#define SETTING_LIMIT_MIN  MIB /* bytes; less leaves no guest alive */

#define SHARE_DOMAIN_MAX 63 /* characters of a trust domain's name */

/* As in the configuration ("guest-swap"); the API writes '_' for '-'. */
const char *setting_name(enum setting key);

struct settings {
    unsigned given;          /* 1 << enum setting for each that was given; all else is default */
    unsigned shares_per_mib; /* shares by size; 0: the figure in @shares */
    uint64_t shares;
    uint64_t reservation; /* bytes */
    uint64_t limit;       /* bytes; 0: the guest's size */
    bool exempt;
    enum guest_swap swap;
    bool pager;                       /* not given: as [pager] enable says */
    char share[SHARE_DOMAIN_MAX + 1]; /* trust domain, "": its pages are not shared */
};

#define SETTINGS_ERROR (settings_error_quark())
GQuark settings_error_quark(void);

/* Sets @key from what a person wrote. On error @s is unchanged, and the message says what is
 * allowed. */
bool settings_parse(struct settings *s, enum setting key, const char *text, GError **error);

/*
 * Takes over a PATCH body of the API: an object of settings, each a JSON value or a string as
 * above; null takes the setting out of @s. All or nothing.
 */
bool settings_patch(struct settings *s, struct json_object *body, GError **error);

/* Overwrites in @s what @over gives. */
void settings_merge(struct settings *s, const struct settings *over);

/* False where the settings exclude each other, or a guest of @size bytes (0: not known yet). */
bool settings_check(const struct settings *s, uint64_t size, GError **error);

/* What the policy is to be told for a guest of @size bytes; a reservation above it is cut to it. */
struct guest_settings settings_resolve(const struct settings *s, uint64_t size);
