/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: a setting that we change belongs to the operator. It is read before it is first written,
 * and the record says so before the write happens: at each instant either nothing has been changed,
 * or what was there can be told. Settings do not outlive the host's kernel, a file may; so the
 * record names the boot that it is of, and one of another boot is worth nothing.
 *
 * Only the paths of the set are ever written: a record can't name others.
 *
 * The record: a line with the boot's id, then lines "PATH VALUE".
 */
#include "host/knob.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/procfs.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct knob {
    const char *path;
    char found[KNOB_VALUE_MAX];   /* "": nothing of ours was written */
    char written[KNOB_VALUE_MAX]; /* what it read as after our last write; "": none by us */
};

struct knobs {
    const char *host_root;
    char *record;
    char boot[KNOB_VALUE_MAX];
    size_t n;
    struct knob all[KNOBS_MAX];
};

static struct knob *find(struct knobs *k, const char *path)
{
    for (size_t i = 0; i < k->n; i++) {
        if (strcmp(k->all[i].path, path) == 0)
            return &k->all[i];
    }
    g_assert_not_reached();
}

/* What the kernel shows, reduced to what it takes. */
static int read_value(const char *host_root, const char *path, char ret[static KNOB_VALUE_MAX])
{
    char text[PROCFS_TEXT_MAX];
    const char *begin, *end;
    int r = procfs_read_root(host_root, path, text);

    if (r < 0)
        return r;
    begin = g_strstrip(text);
    end = begin + strlen(begin);
    if (strchr(begin, '[') && strchr(begin, ']')) {
        begin = strchr(begin, '[') + 1;
        end = strchr(begin, ']');
    }
    if (!end || end - begin >= KNOB_VALUE_MAX || memchr(begin, '\n', (size_t)(end - begin)))
        return -EMSGSIZE;
    g_strlcpy(ret, begin, (size_t)(end - begin) + 1);
    return 0;
}

static int write_value(const char *host_root, const char *path, const char *value)
{
    char full[PATH_MAX];
    autofd fd = -1;

    if ((size_t)snprintf(full, sizeof(full), "%s%s", host_root, path) >= sizeof(full))
        return -ENAMETOOLONG;
    fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return -errno;
    return 0;
}

/* One line of the record, of a setting that we know. */
static void take_over(struct knobs *k, const char *line)
{
    for (size_t i = 0; i < k->n; i++) {
        size_t length = strlen(k->all[i].path);

        if (g_str_has_prefix(line, k->all[i].path) && line[length] == ' ')
            g_strlcpy(k->all[i].found, line + length + 1, KNOB_VALUE_MAX);
    }
}

/* A record that others could have written says nothing. */
static bool record_ours(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 022) == 0;
}

static void read_record(struct knobs *k)
{
    char text[PROCFS_TEXT_MAX];
    g_auto(GStrv) lines = NULL;

    if (!record_ours(k->record) || procfs_read(AT_FDCWD, k->record, text) < 0)
        return;
    lines = g_strsplit(text, "\n", -1);
    if (!lines[0] || *k->boot == '\0' || strcmp(lines[0], k->boot) != 0)
        return;
    for (size_t i = 1; lines[i]; i++)
        take_over(k, lines[i]);
}

static int write_record(const struct knobs *k)
{
    GString *text = g_string_new(k->boot);
    g_autofree char *whole = NULL;

    g_string_append_c(text, '\n');
    for (size_t i = 0; i < k->n; i++) {
        if (*k->all[i].found)
            g_string_append_printf(text, "%s %s\n", k->all[i].path, k->all[i].found);
    }
    whole = g_string_free(text, FALSE);
    errno = 0;
    if (!g_file_set_contents_full(k->record, whole, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL))
        return errno ? -errno : -EIO;
    return 0;
}

struct knobs *knobs_new(const char *host_root, const char *record, const char *const *paths)
{
    struct knobs *k = g_new0(struct knobs, 1);

    k->host_root = host_root;
    k->record = g_strdup(record);
    for (size_t i = 0; paths[i]; i++) {
        g_assert(i < KNOBS_MAX);
        k->all[k->n++].path = paths[i];
    }
    if (read_value(host_root, BOOT_ID, k->boot) < 0)
        k->boot[0] = '\0';
    read_record(k);
    return k;
}

void knobs_free(struct knobs *k)
{
    if (!k)
        return;
    g_free(k->record);
    g_free(k);
}

bool knobs_have(const struct knobs *k, const char *path)
{
    g_autofree char *full = g_strconcat(k->host_root, path, NULL);

    return access(full, F_OK) == 0;
}

int knobs_get(const struct knobs *k, const char *path, char ret[static KNOB_VALUE_MAX])
{
    return read_value(k->host_root, path, ret);
}

int knobs_set(struct knobs *k, const char *path, const char *value)
{
    struct knob *knob = find(k, path);
    char now[KNOB_VALUE_MAX];
    int r = read_value(k->host_root, path, now);

    if (r < 0 || strcmp(now, value) == 0)
        return r;
    if (*knob->found == '\0') {
        g_strlcpy(knob->found, now, KNOB_VALUE_MAX);
        r = write_record(k);
        if (r < 0) {
            knob->found[0] = '\0';
            return r;
        }
    }
    r = write_value(k->host_root, path, value);
    if (r == 0 && read_value(k->host_root, path, knob->written) < 0)
        knob->written[0] = '\0';
    return r;
}

const char *knobs_found(struct knobs *k, const char *path)
{
    return find(k, path)->found;
}

bool knobs_changed(const struct knobs *k)
{
    for (size_t i = 0; i < k->n; i++) {
        if (*k->all[i].found)
            return true;
    }
    return false;
}

static int restore_one(const struct knobs *k, struct knob *knob)
{
    char now[KNOB_VALUE_MAX];
    int r = read_value(k->host_root, knob->path, now);

    if (r == -ENOENT) /* went with what it belonged to */
        r = 0;
    else if (r == 0 && strcmp(now, knob->found) != 0 &&
             (*knob->written == '\0' || strcmp(now, knob->written) == 0))
        r = write_value(k->host_root, knob->path, knob->found);
    if (r == 0)
        knob->found[0] = knob->written[0] = '\0';
    return r;
}

int knobs_restore(struct knobs *k)
{
    int error = 0;

    if (!knobs_changed(k))
        return 0;
    for (size_t i = k->n; i-- > 0;) {
        int r = *k->all[i].found ? restore_one(k, &k->all[i]) : 0;

        if (r < 0 && error == 0)
            error = r;
    }
    if (knobs_changed(k))
        (void)write_record(k); /* the older record says the same and more */
    else if (unlink(k->record) < 0 && errno != ENOENT && error == 0)
        error = -errno;
    return error;
}
