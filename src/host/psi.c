/* SPDX-License-Identifier: Apache-2.0 */
#include "host/psi.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "host/procfs.h"

/* "KEY=VALUE" at *text, and steps over it. The values have a decimal point in every locale. */
static bool value_parse(const char **text, const char *key, double *ret)
{
    size_t len = strlen(key);
    char *end;

    if (strncmp(*text, key, len) != 0 || !g_ascii_isdigit((*text)[len]))
        return false;
    *ret = g_ascii_strtod(*text + len, &end);
    *text = end;
    return true;
}

static bool line_parse(const char *text, const char *kind, struct psi_line *ret)
{
    const char *line = strstr(text, kind);

    if (!line)
        return false;
    line += strlen(kind);
    if (!value_parse(&line, " avg10=", &ret->avg10) ||
        !value_parse(&line, " avg60=", &ret->avg60) ||
        !value_parse(&line, " avg300=", &ret->avg300) || !g_str_has_prefix(line, " total="))
        return false;
    line += strlen(" total=");
    if (!g_ascii_isdigit(*line))
        return false;
    ret->total_usec = g_ascii_strtoull(line, NULL, 10);
    return true;
}

int psi_read(int dirfd, const char *path, struct psi *ret)
{
    char text[PROCFS_TEXT_MAX];
    struct psi psi;
    int r = procfs_read(dirfd, path, text);

    if (r < 0)
        return r;
    if (!line_parse(text, "some", &psi.some) || !line_parse(text, "full", &psi.full))
        return -EBADMSG;
    *ret = psi;
    return 0;
}

int psi_memory_read(const char *host_root, struct psi *ret)
{
    g_autofree char *path = g_strconcat(host_root, "/proc/pressure/memory", NULL);

    return psi_read(AT_FDCWD, path, ret);
}
