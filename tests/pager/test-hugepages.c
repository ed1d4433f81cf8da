/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "pager/attach.h"
#include "pager/hugepages.h"
#include "tests/host/fixture.h"

#define SETTINGS "/sys/kernel/mm/transparent_hugepage/"

static bool check(const char *all, const char *size, GError **error)
{
    struct fixture f;
    bool ok;

    fixture_init(&f);
    if (all)
        fixture_write(&f, SETTINGS "shmem_enabled", all);
    if (size)
        fixture_write(&f, SETTINGS "hugepages-64kB/shmem_enabled", size);
    ok = hugepages_check(f.root, getpid(), error);
    fixture_deinit(&f);
    return ok;
}

static void test_harmless(void)
{
    g_assert_true(check(NULL, NULL, NULL));
    g_assert_true(check("always within_size advise [never] deny force\n", NULL, NULL));
    g_assert_true(check("always within_size advise never [deny] force\n",
                        "always inherit within_size advise [never]\n", NULL));
    g_assert_true(check("always within_size advise [never] deny force\n",
                        "always [inherit] within_size advise never\n", NULL));
}

static void test_refused(void)
{
    static const char *const settings[][2] = {
        {"[always] within_size advise never deny force\n", NULL},
        {"always [within_size] advise never deny force\n", NULL},
        {"always within_size [advise] never deny force\n", NULL},
        {"always within_size advise never deny [force]\n", NULL},
        {"always within_size advise [never] deny force\n",
         "always inherit within_size [advise] never\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(check(settings[i][0], settings[i][1], &error));
        g_assert_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED);
        g_assert_nonnull(strstr(error->message, "shmem_enabled"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hugepages/harmless", test_harmless);
    g_test_add_func("/hugepages/refused", test_refused);
    return g_test_run();
}
