/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the kernel that are changed for a while (files of /sys and /proc/sys) and put back
 * afterwards. What is found is noted in a file before the first write, so that it can be put back
 * also by the next one after a kill. See knob.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a value with its terminator. */
#define KNOB_VALUE_MAX 256

/* Settings that one set may have. */
#define KNOBS_MAX 32

struct knobs;

/*
 * The settings @paths (NULL-terminated, absolute, borrowed, as the set and @host_root) below
 * @host_root, "" on a real host. @record: the file where what was found is kept; where one is there
 * already, left by somebody who was killed since the host was booted, what it says counts as what
 * was found. Writes nothing.
 */
struct knobs *knobs_new(const char *host_root, const char *record, const char *const *paths);

/* Puts nothing back: knobs_restore does. */
void knobs_free(struct knobs *k);

/* Does the kernel have it? */
bool knobs_have(const struct knobs *k, const char *path);

/* The value without its newline; of a choice ("always [madvise] never") the chosen word. 0 or
 * -errno; -EMSGSIZE: longer than a setting is. */
int knobs_get(const struct knobs *k, const char *path, char ret[static KNOB_VALUE_MAX]);

/*
 * Writes @value (one line) where it differs from what is there. 0 or -errno: where what was found
 * can't be noted, nothing is written.
 */
int knobs_set(struct knobs *k, const char *path, const char *value);

/* What was found there before anything of ours; "": nothing of ours was written. The set's, until
 * the next knobs_set or knobs_restore. */
const char *knobs_found(struct knobs *k, const char *path);

/* Was anything of it set, by us or by who was killed, and not put back yet? */
bool knobs_changed(const struct knobs *k);

/*
 * Puts back what was found, in the opposite order of the paths; but what somebody else has written
 * to since we did, stays. Then the record is removed. 0, or the first -errno: then what could not
 * be put back stays noted.
 */
int knobs_restore(struct knobs *k);
