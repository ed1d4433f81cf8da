/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which guests are held, on disk: one file for each hold, written before the guest is stopped and
 * removed when it runs again. What is found there when nobody runs who wrote it stands still and
 * must be let go on.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* More are not looked at. */
#define HOLD_RECORDS_MAX 4096

struct hold_record {
    char *path; /* of the record itself */
    pid_t pid;  /* of the guest's process */
    uint64_t start_time;
    char *socket; /* where it is spoken to */
};

/* Makes the directory where it is not there; false and @error where it is of no use. */
bool hold_record_prepare(const char *directory, GError **error);

/* Removes what was being written when a daemon before was killed. */
void hold_records_clean(const char *directory);

/* Writes a record of its own for this hold; NULL and @error where that failed. */
struct hold_record *hold_record_new(const char *directory, pid_t pid, uint64_t start_time,
                                    const char *socket, GError **error);

/* The records that are there, struct hold_record. A file that is none is removed, with a warning.
 */
GPtrArray *hold_records_read(const char *directory);

/* Is it still there, and its process too? */
bool hold_record_holds(const struct hold_record *record, const char *host_root);

/* Takes it off the disk. */
void hold_record_remove(const struct hold_record *record);

/* Frees it, and leaves it on disk. */
void hold_record_free(struct hold_record *record);
