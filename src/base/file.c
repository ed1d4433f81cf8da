/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <glib/gstdio.h>

/* Where nothing is, a file is to be. */
static bool may_be_replaced(const char *path)
{
    GStatBuf st;

    return g_stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

bool file_write(const char *path, const char *text, gssize length, GError **error)
{
    GFileSetContentsFlags flags =
        may_be_replaced(path) ? G_FILE_SET_CONTENTS_CONSISTENT : G_FILE_SET_CONTENTS_NONE;

    return g_file_set_contents_full(path, text, length, flags, 0666, error);
}
