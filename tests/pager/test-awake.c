/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "pager/awake.h"

struct host {
    char *root, *request, *driver;
};

static void put(const char *path, const char *text)
{
    g_autofree char *directory = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static struct host host_with(const char *driver)
{
    struct host h = {.root = g_dir_make_tmp("aerostat-awake-XXXXXX", NULL)};

    h.request = g_strconcat(h.root, "/dev/cpu_dma_latency", NULL);
    h.driver = g_strconcat(h.root, "/sys/devices/system/cpu/cpuidle/current_driver", NULL);
    put(h.request, "");
    put(h.driver, driver);
    return h;
}

static void remove_up(const struct host *h, const char *path)
{
    g_autofree char *at = g_strdup(path);

    while (g_remove(at) == 0 && strcmp(at, h->root) != 0) {
        char *parent = g_path_get_dirname(at);

        g_free(at);
        at = parent;
    }
}

static void host_clear(struct host *h)
{
    remove_up(h, h->request);
    remove_up(h, h->driver);
    g_assert_false(g_file_test(h->root, G_FILE_TEST_EXISTS));
    g_free(h->root);
    g_free(h->request);
    g_free(h->driver);
}

/* The requests that were written, one after the other. */
static void check_asked(const struct host *h, const int32_t *asked, size_t n)
{
    g_autofree char *text = NULL;
    size_t length;

    g_assert_true(g_file_get_contents(h->request, &text, &length, NULL));
    g_assert_cmpuint(length, ==, n * sizeof(asked[0]));
    g_assert_true(length == 0 || memcmp(text, asked, length) == 0);
}

static void check_driver(const char *driver, int32_t wanted)
{
    struct host h = host_with(driver);
    const int32_t asked[] = {wanted, 2000000000, wanted};
    struct awake a;

    awake_open(&a, h.root);
    awake_let_go(&a);
    check_asked(&h, asked, 0);
    awake_hold(&a);
    awake_hold(&a);
    check_asked(&h, asked, 1);
    awake_let_go(&a);
    awake_let_go(&a);
    check_asked(&h, asked, 2);
    awake_hold(&a);
    check_asked(&h, asked, 3);
    awake_close(&a);
    host_clear(&h);
}

static void test_virtual(void)
{
    check_driver("haltpoll\n", 0);
}

static void test_real(void)
{
    check_driver("intel_idle\n", 2);
}

static void test_without(void)
{
    struct awake a;

    awake_open(&a, "/nonexistent");
    awake_hold(&a);
    awake_let_go(&a);
    awake_close(&a);
    g_assert_cmpint(a.fd, ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/awake/virtual", test_virtual);
    g_test_add_func("/awake/real", test_real);
    g_test_add_func("/awake/without", test_without);
    return g_test_run();
}
