/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/record_row.h"
#include "scenario/error.h"
#include "sim/trace_csv.h"

/* Where they stand in RECORD_HEADER. */
enum {
    FIELD_TIME,
    FIELD_GUEST,
    FIELD_SIZE,
};

static bool fail(const struct record_file *f, const char *what, GError **error)
{
    return scenario_fail(error, "%s: %s: %s", f->path, what, g_strerror(errno));
}

static void note_line(struct record_file *f, GHashTable *alive, const struct trace_csv *csv)
{
    char *name = csv->fields[FIELD_GUEST];

    f->last = g_ascii_strtod(csv->fields[FIELD_TIME], NULL);
    if (strcmp(csv->fields[FIELD_SIZE], "0") == 0)
        g_hash_table_remove(alive, name);
    else
        g_hash_table_add(alive, g_strdup(name));
}

static bool same_columns(const struct trace_csv *csv)
{
    g_autoptr(GString) header = g_string_new(NULL);

    for (unsigned i = 0; i < csv->n; i++)
        g_string_append_printf(header, "%s%s", i > 0 ? "," : "", csv->fields[i]);
    g_string_append_c(header, '\n');
    return strcmp(header->str, RECORD_HEADER) == 0;
}

/* What an earlier recording has left: its columns, its last time, and who had not ended. */
static bool read_lines(struct record_file *f, struct trace_csv *csv, GError **error)
{
    g_autoptr(GHashTable) alive = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GError) why = NULL;
    GHashTableIter iter;
    void *name;

    if (!trace_csv_next(csv, &why) || !same_columns(csv))
        return why ? scenario_fail(error, "%s", why->message)
                   : scenario_fail(error,
                                   "%s: it is no recording, or of another version: it has other "
                                   "columns; record into a new file",
                                   f->path);
    while (trace_csv_next(csv, &why))
        if (csv->n > FIELD_SIZE)
            note_line(f, alive, csv);
    if (why)
        return scenario_fail(error, "%s", why->message);
    g_hash_table_iter_init(&iter, alive);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(f->alive, g_strdup(name));
    return true;
}

/* A recording that was killed, or whose disk was full, may have left a part of a line. */
static bool cut_rest(struct record_file *f, const struct trace_csv *csv, GError **error)
{
    const char *end = strrchr(csv->text, '\n');
    off_t whole = end ? end - csv->text + 1 : 0;

    if (whole == f->size)
        return true;
    cli_error("%s: its last line is not whole; it is removed", f->path);
    if (ftruncate(f->fd, whole) < 0)
        return fail(f, "the rest of a line can't be removed", error);
    f->size = whole;
    csv->text[whole] = '\0';
    return true;
}

static bool adopt(struct record_file *f, GError **error)
{
    g_autoptr(GString) header = g_string_new(RECORD_HEADER);
    struct trace_csv csv;
    bool ok;

    f->size = lseek(f->fd, 0, SEEK_END);
    if (f->size < 0)
        return fail(f, "it is no file that lines can be appended to", error);
    if (f->size > 0) {
        if (!trace_csv_open(&csv, f->path, error))
            return false;
        ok = cut_rest(f, &csv, error) && (f->size == 0 || read_lines(f, &csv, error));
        trace_csv_close(&csv);
        if (!ok)
            return false;
    }
    return f->size > 0 || record_file_append(f, header, error);
}

bool record_file_open(struct record_file *f, const char *path, GError **error)
{
    *f = (struct record_file){.path = path, .alive = g_ptr_array_new_with_free_func(g_free)};
    f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (f->fd < 0)
        fail(f, "it can't be opened", error);
    else if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
        fail(f, "another recording writes to it", error);
    else if (adopt(f, error))
        return true;
    record_file_close(f);
    return false;
}

void record_file_close(struct record_file *f)
{
    fd_close(&f->fd);
    g_clear_pointer(&f->alive, g_ptr_array_unref);
}

bool record_file_append(struct record_file *f, const GString *lines, GError **error)
{
    size_t done = 0;

    while (done < lines->len) {
        ssize_t n = write(f->fd, lines->str + done, lines->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fail(f, "lines can't be written", error);
            /* What is left of a line is found and removed by the next recording, if not now. */
            (void)!ftruncate(f->fd, f->size);
            return false;
        }
        done += (size_t)n;
    }
    f->size += (off_t)done;
    return true;
}
