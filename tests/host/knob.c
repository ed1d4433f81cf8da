/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel settings that are changed and put back, in a directory of ours. */
#include "host/knob.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>

#include "fixture.h"

#define RUN    "/sys/kernel/mm/ksm/run"
#define PAGES  "/sys/kernel/mm/ksm/pages_to_scan"
#define CHOICE "/sys/kernel/mm/ksm/advisor_mode"
#define GONE   "/sys/kernel/mm/ksm/no_such"
#define BOOT   "/proc/sys/kernel/random/boot_id"

static const char *const paths[] = {RUN, PAGES, CHOICE, GONE, NULL};

static char *record_of(const struct fixture *f)
{
    return g_strconcat(f->root, "/record", NULL);
}

static void set_up(struct fixture *f)
{
    fixture_init(f);
    fixture_write(f, BOOT, "0ac7-1\n");
    fixture_write(f, RUN, "0\n");
    fixture_write(f, PAGES, "100\n");
    fixture_write(f, CHOICE, "[none] scan-time\n");
}

static struct knobs *open_knobs(const struct fixture *f)
{
    g_autofree char *record = record_of(f);

    return knobs_new(f->root, record, paths);
}

static void assert_file(const struct fixture *f, const char *path, const char *value)
{
    g_autofree char *full = g_strconcat(f->root, path, NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(full, &text, NULL, NULL));
    g_assert_cmpstr(g_strstrip(text), ==, value);
}

static bool recorded(const struct fixture *f)
{
    g_autofree char *record = record_of(f);

    return g_file_test(record, G_FILE_TEST_EXISTS);
}

static void test_put_back(void)
{
    struct fixture f;
    struct knobs *k;
    char value[KNOB_VALUE_MAX];

    set_up(&f);
    k = open_knobs(&f);
    g_assert_true(knobs_have(k, RUN));
    g_assert_false(knobs_have(k, GONE));
    g_assert_cmpint(knobs_get(k, CHOICE, value), ==, 0);
    g_assert_cmpstr(value, ==, "none");
    g_assert_cmpint(knobs_set(k, RUN, "0"), ==, 0); /* it is already */
    g_assert_false(knobs_changed(k));
    g_assert_false(recorded(&f));
    g_assert_cmpint(knobs_set(k, RUN, "1"), ==, 0);
    g_assert_cmpint(knobs_set(k, PAGES, "5000"), ==, 0);
    g_assert_cmpint(knobs_set(k, PAGES, "20000"), ==, 0);
    g_assert_cmpint(knobs_set(k, GONE, "1"), ==, -ENOENT);
    assert_file(&f, PAGES, "20000");
    g_assert_true(knobs_changed(k));
    g_assert_true(recorded(&f));
    g_assert_cmpint(knobs_restore(k), ==, 0);
    assert_file(&f, RUN, "0");
    assert_file(&f, PAGES, "100");
    g_assert_false(knobs_changed(k));
    g_assert_false(recorded(&f));
    knobs_free(k);
    fixture_deinit(&f);
}

static void test_after_kill(void)
{
    struct fixture f;
    struct knobs *k;

    set_up(&f);
    k = open_knobs(&f);
    g_assert_cmpint(knobs_set(k, PAGES, "5000"), ==, 0);
    knobs_free(k); /* as if killed */
    k = open_knobs(&f);
    g_assert_true(knobs_changed(k));
    g_assert_cmpint(knobs_set(k, PAGES, "7000"), ==, 0); /* what was found is still 100 */
    knobs_free(k);
    k = open_knobs(&f);
    g_assert_cmpint(knobs_restore(k), ==, 0);
    assert_file(&f, PAGES, "100");
    g_assert_false(recorded(&f));
    knobs_free(k);
    fixture_deinit(&f);
}

static void test_other_boot(void)
{
    struct fixture f;
    struct knobs *k;

    set_up(&f);
    k = open_knobs(&f);
    g_assert_cmpint(knobs_set(k, PAGES, "5000"), ==, 0);
    knobs_free(k);
    fixture_write(&f, BOOT, "0ac7-2\n");
    k = open_knobs(&f);
    g_assert_false(knobs_changed(k));
    g_assert_cmpint(knobs_restore(k), ==, 0);
    assert_file(&f, PAGES, "5000");
    knobs_free(k);
    fixture_deinit(&f);
}

/* An operator who changes it while we run has the last word. */
static void test_changed_by_others(void)
{
    struct fixture f;
    struct knobs *k;

    set_up(&f);
    k = open_knobs(&f);
    g_assert_cmpint(knobs_set(k, PAGES, "5000"), ==, 0);
    fixture_write(&f, PAGES, "42\n");
    g_assert_cmpint(knobs_restore(k), ==, 0);
    assert_file(&f, PAGES, "42");
    g_assert_false(recorded(&f));
    knobs_free(k);
    fixture_deinit(&f);
}

static void test_record_of_others(void)
{
    struct fixture f;
    g_autofree char *record = NULL;
    struct knobs *k;

    set_up(&f);
    record = record_of(&f);
    fixture_write(&f, "/record", "0ac7-1\n" PAGES " 666\n/etc/passwd x\n");
    g_assert_cmpint(chmod(record, 0666), ==, 0);
    k = open_knobs(&f);
    g_assert_false(knobs_changed(k));
    knobs_free(k);
    g_assert_cmpint(chmod(record, 0600), ==, 0);
    k = open_knobs(&f);
    g_assert_true(knobs_changed(k));
    g_assert_cmpint(knobs_restore(k), ==, 0);
    assert_file(&f, PAGES, "666");
    knobs_free(k);
    fixture_deinit(&f);
}

static void test_no_record(void)
{
    struct fixture f;
    g_autofree char *record = NULL;
    struct knobs *k;

    set_up(&f);
    record = g_strconcat(f.root, "/no/such/directory", NULL);
    k = knobs_new(f.root, record, paths);
    g_assert_cmpint(knobs_set(k, PAGES, "5000"), <, 0);
    assert_file(&f, PAGES, "100");
    g_assert_false(knobs_changed(k));
    knobs_free(k);
    fixture_deinit(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/knob/put-back", test_put_back);
    g_test_add_func("/knob/after-kill", test_after_kill);
    g_test_add_func("/knob/other-boot", test_other_boot);
    g_test_add_func("/knob/changed-by-others", test_changed_by_others);
    g_test_add_func("/knob/record-of-others", test_record_of_others);
    g_test_add_func("/knob/no-record", test_no_record);
    return g_test_run();
}
