/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a record is complete or not there (written aside, then renamed), and each hold has one of
 * its own, so that whoever lets an older hold go removes nothing of a newer one. It need not
 * survive the host: its guests do not either.
 */
#include "daemon/hold_record.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/files.h"

#define SUFFIX    ".held"
#define BYTES_MAX 4096

void hold_records_clean(const char *directory)
{
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        if (strstr(name, SUFFIX "."))
            (void)unlink(path);
    }
    if (dir)
        g_dir_close(dir);
}

bool hold_record_prepare(const char *directory, GError **error)
{
    struct stat st;

    if (g_mkdir_with_parents(directory, 0700) < 0 || lstat(directory, &st) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", directory,
                    g_strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "%s must be a directory of the daemon's own that nobody else may write",
                    directory);
        return false;
    }
    return true;
}

struct hold_record *hold_record_new(const char *directory, pid_t pid, uint64_t start_time,
                                    const char *socket, GError **error)
{
    static uint64_t serial;
    g_autofree char *text = g_strdup_printf("%d %" PRIu64 "\n%s\n", (int)pid, start_time, socket);
    struct hold_record *record;
    char *path;

    if (*socket != '/' || strchr(socket, '\n')) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "the path of its socket can't be written down");
        return NULL;
    }
    /* The time sets it apart from what a daemon before has left. */
    path = g_strdup_printf("%s/%d.%" PRIi64 ".%" PRIu64 SUFFIX, directory, (int)pid,
                           g_get_monotonic_time(), serial++);
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error)) {
        g_free(path);
        return NULL;
    }
    record = g_new(struct hold_record, 1);
    *record = (struct hold_record){
        .path = path, .pid = pid, .start_time = start_time, .socket = g_strdup(socket)};
    return record;
}

/* NULL where the file is gone, or is none of ours. */
static struct hold_record *read_one(const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    struct hold_record *record;
    uint64_t start_time;
    gsize length;
    int pid, end = 0;

    if (!g_file_get_contents(path, &text, &length, NULL))
        return NULL;
    lines = length < BYTES_MAX && strlen(text) == length ? g_strsplit(text, "\n", 3) : NULL;
    if (!lines || g_strv_length(lines) != 3 || *lines[1] != '/' ||
        sscanf(lines[0], "%d %" SCNu64 "%n", &pid, &start_time, &end) != 2 || lines[0][end] ||
        pid <= 0) {
        log_warning("%s is no record of a held guest; it is removed", path);
        (void)unlink(path);
        return NULL;
    }
    record = g_new(struct hold_record, 1);
    *record = (struct hold_record){
        .path = g_strdup(path), .pid = pid, .start_time = start_time, .socket = g_strdup(lines[1])};
    return record;
}

GPtrArray *hold_records_read(const char *directory)
{
    GPtrArray *records = g_ptr_array_new_with_free_func((GDestroyNotify)hold_record_free);
    GDir *dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir && records->len < HOLD_RECORDS_MAX && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        struct hold_record *record = g_str_has_suffix(name, SUFFIX) ? read_one(path) : NULL;

        if (record)
            g_ptr_array_add(records, record);
    }
    if (dir)
        g_dir_close(dir);
    return records;
}

bool hold_record_holds(const struct hold_record *record, const char *host_root)
{
    uint64_t start;

    if (access(record->path, F_OK) < 0)
        return false;
    start = process_start_time(host_root, record->pid);
    /* 0 is also what can't be told just now. */
    return start ? start == record->start_time : kill(record->pid, 0) == 0 || errno != ESRCH;
}

void hold_record_remove(const struct hold_record *record)
{
    if (unlink(record->path) < 0 && errno != ENOENT)
        log_warning("%s can't be removed (%s); the guest is let go on once more at the next start",
                    record->path, g_strerror(errno));
}

void hold_record_free(struct hold_record *record)
{
    if (!record)
        return;
    g_free(record->path);
    g_free(record->socket);
    g_free(record);
}
