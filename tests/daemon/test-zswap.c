/* SPDX-License-Identifier: Apache-2.0 */
/* When zswap is switched on and off, by settings in a directory of ours. */
#include "daemon/zswap.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "tests/host/fixture.h"

#define ENABLED "/sys/module/zswap/parameters/enabled"
#define PERCENT "/sys/module/zswap/parameters/max_pool_percent"
#define MINUTE  (60 * USEC_PER_SEC)

struct zswap_test {
    struct fixture f;
    struct zswap *z;
    struct zswap_wish wish;
    struct meminfo mem;
};

static void start(struct zswap_test *t)
{
    g_autofree char *record = g_strconcat(t->f.root, "/record", NULL);

    t->z = zswap_new(t->f.root, record);
}

static void set_up(struct zswap_test *t, const char *enabled)
{
    *t = (struct zswap_test){
        .wish = {.allowed = true, .wanted = true, .capacity = 8 * GIB},
        .mem = {.total = 10 * GIB},
    };
    fixture_init(&t->f);
    fixture_write(&t->f, "/proc/sys/kernel/random/boot_id", "0ac7\n");
    fixture_write(&t->f, PERCENT, "20\n");
    fixture_write(&t->f, ENABLED, enabled);
    start(t);
}

static void tear_down(struct zswap_test *t)
{
    zswap_free(t->z);
    fixture_deinit(&t->f);
}

static void assert_settings(const struct zswap_test *t, const char *enabled, const char *percent)
{
    const char *const paths[] = {ENABLED, PERCENT}, *const values[] = {enabled, percent};

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *full = g_strconcat(t->f.root, paths[i], NULL);
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(full, &text, NULL, NULL));
        g_assert_cmpstr(g_strstrip(text), ==, values[i]);
    }
}

static bool see(struct zswap_test *t, usec_t now)
{
    return zswap_see(t->z, &t->wish, &t->mem, now);
}

/* Kept off, and says why. */
static void assert_off(struct zswap_test *t, const char *why)
{
    g_assert_false(see(t, 0));
    g_assert_false(zswap_is_on(t->z));
    g_assert_nonnull(strstr(zswap_reason(t->z), why));
    assert_settings(t, "N", "20");
}

static void test_on_while_needed(void)
{
    struct zswap_test t;

    set_up(&t, "N\n");
    t.wish.wanted = false;
    assert_off(&t, "no guest");
    t.wish.wanted = true;
    g_assert_true(see(&t, 0));
    g_assert_true(zswap_is_on(t.z));
    assert_settings(&t, "Y", "8"); /* a tenth of 8 GiB, of 10 */
    g_assert_false(see(&t, 1));
    t.wish.wanted = false;
    g_assert_true(see(&t, 2));
    g_assert_false(zswap_is_on(t.z));
    assert_settings(&t, "N", "20");
    t.wish.wanted = true;
    g_assert_true(see(&t, 3));
    zswap_free(t.z);
    assert_settings(&t, "N", "20");
    start(&t);
    tear_down(&t);
}

static void test_kept_off(void)
{
    struct zswap_test t;
    g_autofree char *full = NULL;

    set_up(&t, "N\n");
    t.wish.allowed = false;
    assert_off(&t, "not allowed");
    t.wish.allowed = true;
    t.wish.capacity = GIB - MIB; /* a lab's: one percent of the machine is more than a tenth */
    assert_off(&t, "1 %");
    t.wish.capacity = 8 * GIB;
    t.mem.zswap = t.mem.zswapped = MEMINFO_UNKNOWN;
    assert_off(&t, "yields");
    full = g_strconcat(t.f.root, ENABLED, NULL);
    g_assert_cmpint(remove(full), ==, 0);
    g_assert_false(see(&t, 0));
    g_assert_nonnull(strstr(zswap_reason(t.z), "has none"));
    tear_down(&t);
}

static void test_of_others(void)
{
    struct zswap_test t;

    set_up(&t, "Y\n");
    g_assert_false(see(&t, 0));
    g_assert_true(zswap_is_on(t.z));
    g_assert_nonnull(strstr(zswap_reason(t.z), "somebody else"));
    t.mem.zswap = t.mem.zswapped = GIB; /* useless, but not ours */
    g_assert_false(see(&t, 1));
    assert_settings(&t, "Y", "20");
    tear_down(&t);
}

static void test_yield(void)
{
    struct zswap_test t;

    set_up(&t, "N\n");
    t.mem.zswapped = t.mem.zswap = 100 * MIB; /* from before: not judged */
    g_assert_true(see(&t, 0));
    g_assert_false(see(&t, 1));
    t.mem.zswapped += 90 * MIB;
    t.mem.zswap += 60 * MIB;
    g_assert_false(see(&t, 2));
    t.mem.zswapped += 90 * MIB;
    t.mem.zswap += 89 * MIB;
    g_assert_true(see(&t, 3));
    g_assert_false(zswap_is_on(t.z));
    g_assert_nonnull(strstr(zswap_reason(t.z), "does not pay: 180M of pages took 149M"));
    assert_settings(&t, "N", "20");
    g_assert_false(see(&t, MINUTE));
    g_assert_true(see(&t, 10 * MINUTE + 3));
    assert_settings(&t, "Y", "8");
    tear_down(&t);
}

static void test_after_kill(void)
{
    struct zswap_test t;
    struct zswap *killed;

    set_up(&t, "N\n");
    g_assert_true(see(&t, 0));
    killed = t.z;
    start(&t);
    assert_settings(&t, "N", "20");
    g_assert_true(see(&t, 0));
    assert_settings(&t, "Y", "8");
    zswap_free(t.z);
    assert_settings(&t, "N", "20");
    t.z = killed;
    tear_down(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/zswap/on-while-needed", test_on_while_needed);
    g_test_add_func("/zswap/kept-off", test_kept_off);
    g_test_add_func("/zswap/of-others", test_of_others);
    g_test_add_func("/zswap/yield", test_yield);
    g_test_add_func("/zswap/after-kill", test_after_kill);
    return g_test_run();
}
