/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a section of an inifile into a struct, as a table says. Unknown keys are errors. */
#pragma once

#include <stddef.h>

#include "scenario/inifile.h"

enum key_type {
    KEY_SIZE,    /* uint64_t */
    KEY_COUNT,   /* unsigned, 1 to KEY_COUNT_MAX */
    KEY_BOOL,    /* bool: yes or no */
    KEY_SECONDS, /* double */
    KEY_TEXT,    /* char *, owned */
    KEY_CHOICE,  /* int: place in @choices */
    KEY_OWN,     /* what its own parser makes of the text */
};

#define KEY_COUNT_MAX 64

struct key_own {
    bool (*parse)(const char *text, void *member); /* false: it does not take this */
    const char *allowed;                           /* what it takes, for the message */
};

struct key_spec {
    const char *name;
    enum key_type type;
    size_t offset;      /* of the member in the object */
    const void *detail; /* KEY_CHOICE: its words, const char *const *, NULL-ended; KEY_OWN: struct
                           key_own * */
};

/* Keys that begin with @others (NULL: none) are left to the caller. Keys that are absent leave
 * their member as it is. */
bool keytable_read(const struct inifile *ini, const char *section, const struct key_spec *specs,
                   size_t n, const char *others, void *object, GError **error);
