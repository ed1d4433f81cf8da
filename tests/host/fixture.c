/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <ftw.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *present_root; /* a failing test has no other chance to clean up */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void aborted(int signal_number)
{
    (void)signal_number;
    if (present_root)
        (void)nftw(present_root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_init(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    f->root = g_dir_make_tmp("aerostat-test-XXXXXX", &error);
    g_assert_no_error(error);
    present_root = f->root;
    (void)signal(SIGABRT, aborted);
}

void fixture_deinit(struct fixture *f)
{
    present_root = NULL;
    g_assert_cmpint(nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
    g_clear_pointer(&f->root, g_free);
}

void fixture_write(struct fixture *f, const char *path, const char *text)
{
    g_autofree char *full = g_strconcat(f->root, path, NULL);
    g_autofree char *directory = g_path_get_dirname(full);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
}
