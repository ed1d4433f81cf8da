/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_contents(const char *path, const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

static void test_replaced(void)
{
    g_autofree char *directory = g_dir_make_tmp("aerostat-file-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "out", NULL);

    g_assert_true(file_write(path, "a longer text", -1, NULL));
    g_assert_true(file_write(path, "shorter", 5, NULL));
    assert_contents(path, "short");
    g_unlink(path);
    g_rmdir(directory);
}

/* Whoever may write into /dev must not lose what is there. */
static void test_stays(void)
{
    g_autofree char *directory = g_dir_make_tmp("aerostat-file-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "pipe", NULL);
    char text[8] = "";
    struct stat st;
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = g_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(file_write(path, "text", -1, NULL));
    g_assert_cmpint(read(fd, text, sizeof(text) - 1), ==, 4);
    g_assert_cmpstr(text, ==, "text");
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_true(S_ISFIFO(st.st_mode));
    close(fd);
    g_unlink(path);
    g_rmdir(directory);
}

static void test_trouble(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(file_write("/nonexistent/out", "text", -1, &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/out"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/file/replaced", test_replaced);
    g_test_add_func("/file/stays", test_stays);
    g_test_add_func("/file/trouble", test_trouble);
    return g_test_run();
}
