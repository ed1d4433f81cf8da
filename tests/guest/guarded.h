/* SPDX-License-Identifier: Apache-2.0 */
/*
 * g_test_run() in a child with a temporary directory of its own: a failed assertion aborts the test
 * before it can clean up, so that is done from outside.
 */
#pragma once

#include <ftw.h>
#include <glib.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int guarded_remove(const char *path, G_GNUC_UNUSED const struct stat *status,
                          G_GNUC_UNUSED int kind, G_GNUC_UNUSED struct FTW *at)
{
    return remove(path);
}

static inline int guarded_run(void)
{
    g_autofree char *directory = g_dir_make_tmp("aerostat-test-XXXXXX", NULL);
    int status = 1;
    pid_t child;

    g_assert_nonnull(directory);
    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        (void)g_setenv("TMPDIR", directory, TRUE);
        return g_test_run();
    }
    (void)waitpid(child, &status, 0);
    (void)nftw(directory, guarded_remove, 16, FTW_DEPTH | FTW_PHYS);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
