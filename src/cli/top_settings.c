/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_settings.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"
#define GROUP "top"

void top_settings_init(struct top_settings *settings)
{
    *settings = (struct top_settings){.sort = column_find("resident"), .delay = TOP_DELAY_DEFAULT};
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        settings->order[i] = (int)i;
        settings->shown[i] = COLUMNS[i].shown;
    }
}

void top_settings_show(struct top_settings *settings, const int *columns, size_t count)
{
    size_t at = count;

    memset(settings->shown, 0, sizeof(settings->shown));
    for (size_t i = 0; i < count; i++) {
        settings->order[i] = columns[i];
        settings->shown[columns[i]] = true;
    }
    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        if (!settings->shown[i])
            settings->order[at++] = (int)i;
    }
}

size_t top_settings_shown(const struct top_settings *settings, int ret_columns[static COLUMNS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < COLUMN_COUNT_ALL; i++) {
        if (settings->shown[settings->order[i]])
            ret_columns[count++] = settings->order[i];
    }
    return count;
}

bool top_delay_parse(const char *text, double *ret_seconds)
{
    return number_parse(text, TOP_DELAY_MIN, TOP_DELAY_MAX, ret_seconds);
}

char *top_settings_path(void)
{
    return g_build_filename(g_get_user_config_dir(), "aerostat", "toprc", NULL);
}

static bool wrong(GError **error, const char *key, const char *value)
{
    g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                "%s = %s is not understood", key, value);
    return false;
}

/* A key that is absent leaves its setting as it is. */
static bool read_keys(GKeyFile *file, struct top_settings *settings, GError **error)
{
    g_autofree char *columns = g_key_file_get_string(file, GROUP, "columns", NULL);
    g_autofree char *sort = g_key_file_get_string(file, GROUP, "sort", NULL);
    g_autofree char *reverse = g_key_file_get_string(file, GROUP, "reverse", NULL);
    g_autofree char *delay = g_key_file_get_string(file, GROUP, "delay", NULL);
    g_autofree char *wrong_word = NULL;

    if (columns) {
        int list[COLUMNS_MAX];
        size_t count = columns_parse(columns, list, &wrong_word);

        if (count == 0)
            return wrong(error, "columns", wrong_word);
        top_settings_show(settings, list, count);
    }
    if (sort) {
        settings->sort = column_find(sort);
        if (settings->sort < 0)
            return wrong(error, "sort", sort);
    }
    if (reverse) {
        settings->reverse = strcmp(reverse, "true") == 0;
        if (!settings->reverse && strcmp(reverse, "false") != 0)
            return wrong(error, "reverse", reverse);
    }
    if (delay && !top_delay_parse(delay, &settings->delay))
        return wrong(error, "delay", delay);
    return true;
}

bool top_settings_load(struct top_settings *settings, const char *path, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) cause = NULL;
    struct top_settings read = *settings;

    if (g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &cause) &&
        read_keys(file, &read, &cause)) {
        *settings = read;
        return true;
    }
    if (!cause || g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return true;
    g_propagate_prefixed_error(error, g_steal_pointer(&cause), "%s: ", path);
    return false;
}

bool top_settings_save(const struct top_settings *settings, const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autoptr(GString) text = g_string_new("[" GROUP "]\ncolumns = ");
    char delay[G_ASCII_DTOSTR_BUF_SIZE];
    int columns[COLUMNS_MAX];
    size_t count = top_settings_shown(settings, columns);

    for (size_t i = 0; i < count; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? "," : "", COLUMNS[columns[i]].id);
    g_string_append_printf(text, "\nsort = %s\nreverse = %s\ndelay = %s\n",
                           COLUMNS[settings->sort].id, settings->reverse ? "true" : "false",
                           g_ascii_formatd(delay, sizeof(delay), "%g", settings->delay));
    if (g_mkdir_with_parents(directory, 0700) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", directory,
                    g_strerror(errno));
        return false;
    }
    return g_file_set_contents(path, text->str, (gssize)text->len, error);
}
