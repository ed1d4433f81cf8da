/* SPDX-License-Identifier: Apache-2.0 */
/* What a run leaves of the host's settings and swap files. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "lab/hostknobs.h"
#include "lab/tempdir.h"

#define SWAP_BYTES (4 << 20)

static char *directory; /* tempdir_remove() ends it */

static char *path_of(const char *name)
{
    return g_build_filename(directory, name, NULL);
}

static void put(const char *name, const char *text)
{
    g_autofree char *path = path_of(name);

    g_assert_true(g_file_set_contents_full(path, text, -1, 0, 0644, NULL));
}

static void expect(const char *name, const char *text)
{
    g_autofree char *path = path_of(name);
    g_autofree char *is = NULL;

    g_assert_true(g_file_get_contents(path, &is, NULL, NULL));
    g_assert_cmpstr(g_strstrip(is), ==, text);
}

/* Files of a directory stand for the kernel's; unlike it they do not show a choice in brackets. */
static void test_settings(void)
{
    struct hostknobs *k;

    put("run", "0\n");
    put("advisor_mode", "[none] scan-time\n");
    put("same", "5\n");
    k = hostknobs_save(directory);
    put("run", "1\n");
    put("advisor_mode", "none [scan-time]\n");
    g_assert_cmpuint(hostknobs_check(k, false), ==, 2);
    expect("run", "1");
    g_assert_cmpuint(hostknobs_check(k, true), ==, 2);
    expect("run", "0");
    expect("same", "5");
    expect("advisor_mode", "none");
    g_assert_null(hostknobs_save(directory)); /* locked */
    hostknobs_free(k);
    k = hostknobs_save(directory);
    g_assert_nonnull(k);
    hostknobs_free(k);
    k = hostknobs_save("/nowhere");
    g_assert_cmpuint(hostknobs_check(k, true), ==, 0);
    hostknobs_free(k);
}

static bool in_use(const char *path)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/swaps", &text, NULL, NULL));
    return strstr(text, path) != NULL;
}

static void test_swap_file(void)
{
    g_autofree char *path = path_of("pool.swap");
    g_autofree char *command = g_strdup_printf("mkswap -q %s", path);
    g_autofree char *zeros = g_malloc0(SWAP_BYTES);
    char *gone = directory;

    if (geteuid() != 0) {
        g_test_skip("only root may make swap space");
        return;
    }
    g_assert_true(g_file_set_contents_full(path, zeros, SWAP_BYTES, 0, 0600, NULL));
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_assert_cmpint(swapon(path, 0), ==, 0);
    g_assert_true(in_use(path));
    directory = tempdir_new(g_get_tmp_dir(), NULL);
    tempdir_remove(gone);
    g_assert_false(in_use(path));
    g_assert_false(g_file_test(gone, G_FILE_TEST_EXISTS));
    g_free(gone);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    directory = tempdir_new(g_get_tmp_dir(), NULL);
    g_test_add_func("/lab/hostknobs/settings", test_settings);
    g_test_add_func("/lab/hostknobs/swap-file", test_swap_file);
    status = g_test_run();
    tempdir_remove(directory);
    g_free(directory);
    return status;
}
