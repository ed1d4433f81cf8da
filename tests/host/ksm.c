/* SPDX-License-Identifier: Apache-2.0 */
/* KSM's settings and counters in a directory of ours, as kernels of three ages have them. */
#include "host/ksm.h"

#include <errno.h>
#include <glib.h>

#include "fixture.h"

#define DIR "/sys/kernel/mm/ksm/"

static void write_all(struct fixture *f, const char *const (*files)[2])
{
    for (size_t i = 0; files[i][0]; i++)
        fixture_write(f, files[i][0], files[i][1]);
}

/* Linux 6.1. */
static void set_up(struct fixture *f)
{
    static const char *const old[][2] = {
        {"/proc/sys/kernel/random/boot_id", "0ac7-1\n"},
        {DIR "run", "0\n"},
        {DIR "pages_to_scan", "100\n"},
        {DIR "sleep_millisecs", "20\n"},
        {DIR "use_zero_pages", "0\n"},
        {DIR "pages_shared", "10\n"},
        {DIR "pages_sharing", "40\n"},
        {DIR "pages_unshared", "7\n"},
        {DIR "pages_volatile", "3\n"},
        {DIR "full_scans", "5\n"},
        {NULL, NULL},
    };

    fixture_init(f);
    write_all(f, old);
}

/* Linux 6.12, and what of it the host has besides. */
static void make_new(struct fixture *f)
{
    static const char *const new[][2] = {
        {DIR "advisor_mode", "none [scan-time]\n"},
        {DIR "smart_scan", "1\n"},
        {DIR "ksm_zero_pages", "11\n"},
        {DIR "pages_scanned", "1234\n"},
        {"/proc/vmstat", "nr_free_pages 5\nksm_swpin_copy 1\ncow_ksm 106763\nzswpin 0\n"},
        {"/proc/37/comm", "ksmd\n"},
        {"/proc/37/schedstat", "6040047 455015522 659\n"},
        {"/proc/4711/comm", "ksmd\n"},
        {"/proc/4711/schedstat", "99000000 1 1\n"},
        {"/proc/4711/ksm_merging_pages", "21\n"},
        {"/proc/4711/ksm_stat", "ksm_rmap_items 30\nksm_zero_pages 4\nksm_merging_pages 21\n"},
        {NULL, NULL},
    };

    write_all(f, new);
}

static struct ksm *open_ksm(const struct fixture *f)
{
    g_autofree char *record = g_strconcat(f->root, "/record", NULL);

    return ksm_new(f->root, record);
}

static void assert_file(const struct fixture *f, const char *name, const char *value)
{
    g_autofree char *full = g_strconcat(f->root, DIR, name, NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(full, &text, NULL, NULL));
    g_assert_cmpstr(g_strstrip(text), ==, value);
}

static const struct ksm_pace pace = {.run = true, .pages_to_scan = 500, .sleep_msec = 40};

static void test_set_and_restore(void)
{
    struct fixture f;
    struct ksm *k;

    set_up(&f);
    make_new(&f);
    k = open_ksm(&f);
    g_assert_cmpint(ksm_check(k), ==, 0);
    g_assert_cmpint(ksm_set(k, &(struct ksm_pace){.run = false}), ==, 0);
    g_assert_false(ksm_changed(k)); /* it was off */
    g_assert_cmpint(ksm_set(k, &pace), ==, 0);
    g_assert_true(ksm_changed(k) && ksm_runs(k));
    assert_file(&f, "advisor_mode", "none");
    assert_file(&f, "smart_scan", "0");
    assert_file(&f, "use_zero_pages", "1");
    assert_file(&f, "pages_to_scan", "500");
    assert_file(&f, "sleep_millisecs", "40");
    assert_file(&f, "run", "1");
    g_assert_cmpint(ksm_set(k, &(struct ksm_pace){.run = false}), ==, 0);
    assert_file(&f, "run", "0");
    assert_file(&f, "pages_to_scan", "500");
    g_assert_cmpint(ksm_restore(k), ==, 0);
    assert_file(&f, "advisor_mode", "scan-time");
    assert_file(&f, "smart_scan", "1");
    assert_file(&f, "use_zero_pages", "0");
    assert_file(&f, "pages_to_scan", "100");
    assert_file(&f, "sleep_millisecs", "20");
    assert_file(&f, "run", "0");
    g_assert_false(ksm_changed(k));
    ksm_free(k);
    fixture_deinit(&f);
}

static void test_unmerge(void)
{
    struct fixture f;
    struct ksm *k;

    set_up(&f);
    k = open_ksm(&f);
    g_assert_cmpint(ksm_unmerge(k), ==, 0);
    assert_file(&f, "run", "0"); /* nothing is ours */
    g_assert_cmpint(ksm_set(k, &pace), ==, 0);
    g_assert_cmpint(ksm_unmerge(k), ==, 0);
    assert_file(&f, "run", "2");
    g_assert_cmpint(ksm_restore(k), ==, 0);
    assert_file(&f, "run", "0");
    ksm_free(k);
    fixture_deinit(&f);
}

/* Taken over, there is more in it than ours. */
static void test_unmerge_of_others(void)
{
    struct fixture f;
    struct ksm *k;

    set_up(&f);
    fixture_write(&f, DIR "run", "1\n");
    k = open_ksm(&f);
    g_assert_cmpint(ksm_set(k, &pace), ==, 0);
    g_assert_cmpint(ksm_unmerge(k), ==, 0);
    assert_file(&f, "run", "1");
    g_assert_cmpint(ksm_set(k, &(struct ksm_pace){.run = false}), ==, 0);
    assert_file(&f, "run", "0");
    g_assert_cmpint(ksm_unmerge(k), ==, 0);
    assert_file(&f, "run", "0");
    g_assert_cmpint(ksm_restore(k), ==, 0);
    assert_file(&f, "run", "1");
    ksm_free(k);
    fixture_deinit(&f);
}

static void test_put_back_after_a_kill(void)
{
    struct fixture f;
    struct ksm *k;

    set_up(&f);
    fixture_write(&f, DIR "run", "2\n");
    k = open_ksm(&f);
    g_assert_cmpint(ksm_set(k, &pace), ==, 0);
    ksm_free(k);
    k = open_ksm(&f);
    g_assert_true(ksm_changed(k) && ksm_runs(k));
    g_assert_cmpint(ksm_restore(k), ==, 0);
    assert_file(&f, "run", "2");
    assert_file(&f, "pages_to_scan", "100");
    ksm_free(k);
    fixture_deinit(&f);
}

/* ksmtuned, or an operator: what he sets is his, and what he did not set is put back. */
static void test_somebody_else(void)
{
    static const char *const files[] = {"run", "pages_to_scan"};
    static const char *const values[] = {"0", "7000"};

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_strconcat(DIR, files[i], NULL);
        struct fixture f;
        struct ksm *k;

        set_up(&f);
        k = open_ksm(&f);
        g_assert_cmpint(ksm_set(k, &pace), ==, 0);
        fixture_write(&f, path, values[i]);
        g_assert_cmpint(ksm_set(k, &pace), ==, -EBUSY);
        assert_file(&f, files[i], values[i]);
        g_assert_cmpint(ksm_restore(k), ==, 0);
        assert_file(&f, files[i], values[i]);
        assert_file(&f, "sleep_millisecs", "20");
        ksm_free(k);
        fixture_deinit(&f);
    }
}

static void test_counters(void)
{
    struct ksm_counters c;
    struct fixture f;
    struct ksm *k;

    set_up(&f);
    k = open_ksm(&f);
    g_assert_cmpint(ksm_read(k, &c), ==, 0);
    g_assert_cmpuint(c.shared, ==, 10);
    g_assert_cmpuint(c.sharing, ==, 40);
    g_assert_cmpuint(c.unshared, ==, 7);
    g_assert_cmpuint(c.volatile_pages, ==, 3);
    g_assert_cmpuint(c.full_scans, ==, 5);
    g_assert_cmpuint(c.zero + c.scanned + c.cpu_usec, ==, 0);
    ksm_free(k);

    make_new(&f);
    k = open_ksm(&f);
    g_assert_cmpint(ksm_read(k, &c), ==, 0);
    g_assert_cmpuint(c.zero, ==, 11);
    g_assert_cmpuint(c.scanned, ==, 1234);
    g_assert_cmpuint(c.broken, ==, 106763);
    g_assert_cmpuint(c.cpu_usec, ==, 6040); /* the kernel's, not the one that calls itself so */
    fixture_write(&f, DIR "pages_shared", "many\n");
    g_assert_cmpint(ksm_read(k, &c), ==, -EBADMSG);
    ksm_free(k);
    fixture_deinit(&f);
}

static void test_process(void)
{
    struct ksm_process p;
    struct fixture f;
    struct ksm *k;

    set_up(&f);
    make_new(&f);
    k = open_ksm(&f);
    g_assert_cmpint(ksm_read_process(k, 4711, &p), ==, 0);
    g_assert_cmpuint(p.merging, ==, 21);
    g_assert_cmpuint(p.zero, ==, 4);
    fixture_write(&f, "/proc/4711/ksm_stat", "ksm_rmap_items 30\n"); /* Linux 6.1 */
    g_assert_cmpint(ksm_read_process(k, 4711, &p), ==, 0);
    g_assert_cmpuint(p.zero, ==, 0);
    g_assert_cmpint(ksm_read_process(k, 4712, &p), ==, -EOPNOTSUPP);
    ksm_free(k);
    fixture_deinit(&f);
}

static void test_none(void)
{
    struct ksm_counters c;
    struct fixture f;
    struct ksm *k;

    fixture_init(&f);
    k = open_ksm(&f);
    g_assert_cmpint(ksm_check(k), ==, -ENOENT);
    g_assert_false(ksm_runs(k));
    g_assert_cmpint(ksm_read(k, &c), ==, -ENOENT);
    g_assert_cmpint(ksm_restore(k), ==, 0);
    ksm_free(k);
    fixture_deinit(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ksm/set-and-restore", test_set_and_restore);
    g_test_add_func("/ksm/unmerge", test_unmerge);
    g_test_add_func("/ksm/unmerge-of-others", test_unmerge_of_others);
    g_test_add_func("/ksm/after-a-kill", test_put_back_after_a_kill);
    g_test_add_func("/ksm/somebody-else", test_somebody_else);
    g_test_add_func("/ksm/counters", test_counters);
    g_test_add_func("/ksm/process", test_process);
    g_test_add_func("/ksm/none", test_none);
    return g_test_run();
}
