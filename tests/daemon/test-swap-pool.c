/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of swap files with the real kernel: files of some MiB in a directory of our own on a
 * disk, which are taken out of use again, also where a test fails. Skipped where swapon is not
 * allowed.
 */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "daemon/swap_files.h"
#include "daemon/swap_pool.h"
#include "host/swap.h"

#define CHUNK    (16 * MIB)
#define PATIENCE (20 * USEC_PER_SEC)

static char *root; /* of the present test; a failing one has no other chance to clean up */

struct pool_test {
    struct config *config;
    struct swap_pool *pool;
    GString *said;
    unsigned changes;
};

static void clean_up(void)
{
    g_autoptr(GPtrArray) areas = NULL;
    g_autofree char *command = NULL;

    if (!root || swap_read("", &areas) < 0)
        return;
    for (guint i = 0; i < areas->len; i++) {
        const struct swap_area *area = areas->pdata[i];

        if (g_str_has_prefix(area->path, root))
            (void)swapoff(area->path);
    }
    command = g_strdup_printf("rm -rf %s", root);
    (void)!system(command);
    g_clear_pointer(&root, g_free);
}

static void aborted(int number)
{
    (void)number;
    clean_up();
}

static void note(char *text, void *data)
{
    struct pool_test *t = data;

    g_string_append_printf(t->said, "%s\n", text);
    g_free(text);
}

static void changed(void *data)
{
    ((struct pool_test *)data)->changes++;
}

static const struct swap_pool_calls calls = {.record = note, .changed = changed};

static char *in_root(const char *name)
{
    return g_build_filename(root, name, NULL);
}

static void start(struct pool_test *t)
{
    t->pool = swap_pool_new(t->config, "", &calls, t);
}

static bool set_up(struct pool_test *t)
{
    /* Not /tmp, which may be memory. */
    g_autofree char *directory = g_strdup("/var/tmp/aerostat-test-XXXXXX");
    g_autofree char *path = NULL, *probe = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(g_mkdtemp(directory));
    root = g_steal_pointer(&directory);
    *t = (struct pool_test){.config = config_new(), .said = g_string_new("")};
    probe = swap_files_add(root, CHUNK, &error);
    if (!probe) {
        g_test_skip(error->message);
        return false;
    }
    g_assert_true(swap_files_take_out(probe, &error));
    path = in_root("api.sock");
    g_free(t->config->api_socket);
    t->config->api_socket = g_steal_pointer(&path);
    g_free(t->config->swap_directory);
    t->config->swap_directory = in_root("swap");
    t->config->swap_chunk = CHUNK;
    t->config->swap_max = 8 * CHUNK;
    t->config->swap_keep_usec = 10 * USEC_PER_MSEC;
    t->config->swap_zswap = false;
    start(t);
    return true;
}

static void tear_down(struct pool_test *t)
{
    swap_pool_free(t->pool);
    config_free(t->config);
    g_string_free(t->said, TRUE);
    clean_up();
}

static struct swap_pool_view view_of(const struct pool_test *t)
{
    struct swap_pool_view view;

    swap_pool_view(t->pool, &view);
    return view;
}

/* Runs the main loop until the pool has @files files, which is all it is to do. */
static void wait_for_files(const struct pool_test *t, unsigned files)
{
    gint64 end = g_get_monotonic_time() + (gint64)PATIENCE;
    struct swap_pool_view view = view_of(t);

    while (view.files != files || view.growing) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        (void)g_main_context_iteration(NULL, TRUE);
        view = view_of(t);
    }
}

/* How many of our files the kernel uses, and that there are no others. */
static unsigned files_in_use(void)
{
    g_autoptr(GPtrArray) areas = NULL;
    g_autofree char *directory = in_root("swap");
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    unsigned n = 0, there = 0;

    g_assert_cmpint(swap_read("", &areas), ==, 0);
    for (guint i = 0; i < areas->len; i++)
        n += swap_files_own(directory, ((struct swap_area *)areas->pdata[i])->path);
    while (dir && g_dir_read_name(dir))
        there++;
    g_assert_cmpuint(there, ==, n);
    return n;
}

static void assert_whole(const char *path)
{
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpuint(st.st_size, ==, 2 * CHUNK + 4096);
    g_assert_cmpuint((uint64_t)st.st_blocks * 512, >=, 2 * CHUNK);
    g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
}

/* Swap space of others may be there, also just now. */
static uint64_t least_need(const struct pool_test *t)
{
    return view_of(t).counted + CHUNK;
}

static void test_grows_and_shrinks(void)
{
    struct pool_test t;
    struct swap_pool_view view;
    g_autofree char *path = NULL;

    if (!set_up(&t))
        return;
    path = in_root("swap/pool-1.swapspace");
    g_assert_cmpuint(view_of(&t).files, ==, 0);
    if (view_of(&t).counted > 0) { /* twice as much as others have is more than we may add */
        g_test_skip("the host has swap space of its own just now");
        tear_down(&t);
        return;
    }
    swap_pool_need(t.pool, least_need(&t));
    g_assert_true(view_of(&t).growing);
    wait_for_files(&t, 1);
    view = view_of(&t);
    g_assert_cmpuint(view.own_size, ==, 2 * CHUNK);
    g_assert_cmpuint(view.could_grow, <=, 8 * CHUNK);
    g_assert_null(view.error);
    g_assert_cmpuint(t.changes, >, 0);
    g_assert_nonnull(strstr(t.said->str, "grew by 32M"));
    g_assert_cmpuint(files_in_use(), ==, 1);
    assert_whole(path);
    swap_pool_need(t.pool, 0);
    wait_for_files(&t, 0);
    g_assert_cmpuint(files_in_use(), ==, 0);
    g_assert_nonnull(strstr(t.said->str, "was not needed and is gone"));
    tear_down(&t);
}

static void test_bound(void)
{
    struct pool_test t;
    struct swap_pool_view view;

    if (!set_up(&t))
        return;
    t.config->swap_max = 2 * CHUNK;
    swap_pool_configure(t.pool, t.config);
    swap_pool_need(t.pool, view_of(&t).counted + 3 * CHUNK);
    wait_for_files(&t, 1);
    view = view_of(&t);
    g_assert_nonnull(view.error);
    g_assert_nonnull(strstr(view.error, "[swap] max"));
    g_assert_nonnull(strstr(t.said->str, "[swap] max"));
    t.config->swap_max = 8 * CHUNK;
    swap_pool_configure(t.pool, t.config);
    wait_for_files(&t, 2);
    g_assert_null(view_of(&t).error);
    g_assert_nonnull(strstr(t.said->str, "suffices again"));
    tear_down(&t);
    g_assert_null(root);
}

/* A daemon that was killed leaves files in use, and one that was not put into use yet. */
static void test_after_kill(void)
{
    struct pool_test t;
    g_autofree char *directory = NULL, *path = NULL, *other = NULL, *foreign = NULL;
    g_autoptr(GError) error = NULL;

    if (!set_up(&t))
        return;
    swap_pool_free(t.pool);
    directory = in_root("swap");
    path = swap_files_add(directory, CHUNK, &error);
    g_assert_no_error(error);
    other = in_root("swap/pool-7.swapspace");
    foreign = in_root("swap/web.swap"); /* a pager's */
    g_assert_true(g_file_set_contents(other, "x", 1, NULL));
    g_assert_true(g_file_set_contents(foreign, "x", 1, NULL));
    start(&t);
    g_assert_cmpuint(view_of(&t).files, ==, 1);
    g_assert_cmpint(access(other, F_OK), <, 0);
    g_assert_cmpint(access(foreign, F_OK), ==, 0);
    g_assert_cmpint(unlink(foreign), ==, 0);
    g_assert_cmpuint(files_in_use(), ==, 1);
    /* A clean end takes it out of use. */
    swap_pool_free(t.pool);
    g_assert_cmpuint(files_in_use(), ==, 0);
    start(&t);
    tear_down(&t);
}

static void test_observe(void)
{
    struct pool_test t;
    g_autofree char *directory = NULL, *path = NULL;
    g_autoptr(GError) error = NULL;

    if (!set_up(&t))
        return;
    directory = in_root("swap");
    path = swap_files_add(directory, CHUNK, &error);
    g_assert_no_error(error);
    t.config->mode = MODE_OBSERVE;
    swap_pool_configure(t.pool, t.config);
    swap_pool_need(t.pool, least_need(&t));
    g_assert_false(view_of(&t).growing);
    swap_pool_free(t.pool);
    g_assert_cmpuint(files_in_use(), ==, 1);
    start(&t);
    tear_down(&t);
}

static void test_refused(void)
{
    g_autofree char *path = g_strdup("/dev/shm/aerostat-test-XXXXXX");
    g_autoptr(GError) error = NULL;
    char *made;

    g_assert_nonnull(g_mkdtemp(path));
    made = swap_files_add(path, CHUNK, &error);
    g_assert_cmpint(rmdir(path), ==, 0); /* nothing is left in there */
    g_assert_null(made);
    g_assert_nonnull(strstr(error->message, "in memory itself"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    (void)signal(SIGABRT, aborted);
    g_test_add_func("/swap-pool/grows-and-shrinks", test_grows_and_shrinks);
    g_test_add_func("/swap-pool/bound", test_bound);
    g_test_add_func("/swap-pool/after-kill", test_after_kill);
    g_test_add_func("/swap-pool/observe", test_observe);
    g_test_add_func("/swap-pool/refused", test_refused);
    return g_test_run();
}
