/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration's keys. This one table feeds the reader, `aerostatd --dump-config`, and a test
 * that aerostat.conf(5) names every key. To add a key: a member in struct config, a row here, a
 * line there.
 */
#pragma once

#include <stddef.h>

#include "daemon/config.h"

/* Bytes of a wrong word that a message repeats. Messages stay in the ring of events. */
#define CONFIG_ECHO_MAX 64

enum config_type {   /* of the member at the row's offset: */
    CONFIG_BOOL,     /* bool */
    CONFIG_CHOICE,   /* unsigned: index of the word in @choices */
    CONFIG_COUNT,    /* uint64_t: whole number */
    CONFIG_RATIO,    /* double */
    CONFIG_SIZE,     /* uint64_t: bytes, or bytes a second */
    CONFIG_DURATION, /* usec_t */
    CONFIG_ACCESS,   /* unsigned: permission bits, octal */
    CONFIG_TEXT,     /* char *: NULL where empty */
    CONFIG_PATH,     /* char *: absolute, or NULL where empty */
    CONFIG_PATHS,    /* char **: absolute, separated by ';', or NULL */
    CONFIG_TYPE_MAX,
};

struct config_key {
    const char *section, *name;
    enum config_type type;
    size_t offset;
    const char *fallback;       /* the default as written in a file; NULL: config_new has set it */
    double min, max;            /* allowed, both included: figures only */
    const char *word;           /* sizes: a word that is allowed too... */
    uint64_t word_value;        /* ...and stands for this */
    const char *const *choices; /* choices only: NULL-ended */
    const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_keys_count;

/* What may be set in a [vm "name"] section, by enum setting. */
extern const char *const config_vm_help[SETTING_MAX];

/* The row, or NULL. */
const struct config_key *config_key_find(const char *section, const char *name);

/* Sets the row's member of @config from @text. On error nothing changes; the message (without a
 * place) says what is allowed. */
bool config_value_parse(const struct config_key *key, const char *text, struct config *config,
                        GError **error);

/* The member's value as it would be written in a file; owned by the caller. */
char *config_value_format(const struct config_key *key, const struct config *config);

/* What config_value_parse takes, in words, for messages; owned by the caller. */
char *config_value_allowed(const struct config_key *key);
