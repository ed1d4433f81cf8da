/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/hostknobs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

struct hostknobs {
    GHashTable *values; /* path to value */
    int lock;           /* of the directory; -1: there is none */
};

/* What would be written to have it again: of "[none] scan-time" the word that is chosen. NULL: it
 * can't be read. */
static char *read_value(const char *path)
{
    g_autofree char *text = NULL;
    char *open, *close;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    open = strchr(text, '[');
    close = open ? strchr(open, ']') : NULL;
    return g_strstrip(close ? g_strndup(open + 1, (gsize)(close - open - 1)) : g_strdup(text));
}

static bool write_value(const char *path, const char *value)
{
    autofd fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

static void save_directory(struct hostknobs *k, const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        struct stat st;
        char *value = stat(path, &st) == 0 && st.st_mode & S_IWUSR && S_ISREG(st.st_mode)
                          ? read_value(path)
                          : NULL;

        if (value)
            g_hash_table_insert(k->values, g_steal_pointer(&path), value);
    }
}

struct hostknobs *hostknobs_save(const char *directory)
{
    autofd lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct hostknobs *k;

    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0)
        return NULL;
    k = g_new0(struct hostknobs, 1);
    k->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    k->lock = fd_take(&lock);
    save_directory(k, directory);
    return k;
}

unsigned hostknobs_check(const struct hostknobs *k, bool restore)
{
    unsigned differed = 0;
    GHashTableIter iter;
    void *path, *value;

    g_hash_table_iter_init(&iter, k->values);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        g_autofree char *now = read_value(path);
        const char *text = now ? now : "?";

        if (now && strcmp(now, value) == 0)
            continue;
        differed++;
        if (!restore)
            log_warning("%s is %s now, and was %s before", (char *)path, text, (char *)value);
        else if (write_value(path, value))
            log_warning("%s was left at %s; it is put back to %s", (char *)path, text,
                        (char *)value);
        else
            log_warning("%s was left at %s and can't be put back to %s", (char *)path, text,
                        (char *)value);
    }
    return differed;
}

void hostknobs_free(struct hostknobs *k)
{
    if (!k)
        return;
    g_hash_table_unref(k->values);
    fd_close(&k->lock);
    g_free(k);
}

/* "PATH TYPE SIZE USED PRIORITY" of /proc/swaps; blanks in a path are \040, which the lab's have
 * none of. */
void hostswap_off(const char *directory)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autofree char *below = g_strconcat(directory, "/", NULL);

    if (!g_file_get_contents("/proc/swaps", &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_autofree char *path = g_strndup(*line, strcspn(*line, " \t"));

        if (g_str_has_prefix(path, below) && swapoff(path) < 0)
            log_warning("%s could not be taken out of use: %s; try swapoff", path,
                        g_strerror(errno));
    }
}
