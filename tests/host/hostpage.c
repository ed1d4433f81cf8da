/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc/PID/pagemap says of pages of our own, and of made-up ones. */
#include <errno.h>
#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture.h"
#include "host/hostpage.h"

static struct hostpage look(const void *address)
{
    struct hostpage page;

    g_assert_cmpint(hostpage_look("", getpid(), (uint64_t)(uintptr_t)address, &page), ==, 0);
    return page;
}

static void test_own(void)
{
    char *memory =
        mmap(NULL, 2 * HOSTPAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct hostpage page;

    g_assert_true(memory != MAP_FAILED);
    g_assert_cmpint(madvise(memory, 2 * HOSTPAGE_BYTES, MADV_NOHUGEPAGE), ==, 0);
    g_assert_cmpint(look(memory).state, ==, HOSTPAGE_NONE);
    memory[17] = 1;
    page = look(memory + 4000);
    g_assert_cmpint(page.state, ==, HOSTPAGE_PRESENT);
    if (geteuid() == 0)
        g_assert_cmpuint(page.frame, >, 0);
    g_assert_cmpint(look(memory + HOSTPAGE_BYTES).state, ==, HOSTPAGE_NONE);
    g_assert_cmpint(munmap(memory, 2 * HOSTPAGE_BYTES), ==, 0);
}

static void test_errors(void)
{
    struct hostpage page;

    g_assert_cmpint(hostpage_look("", 0x7ffffff0, 0, &page), ==, -ESRCH);
    g_assert_cmpint(hostpage_look("", getpid(), UINT64_MAX, &page), <, 0);
}

static void test_entries(void)
{
    static const struct {
        uint64_t entry;
        struct hostpage page;
    } cases[] = {
        {0, {HOSTPAGE_NONE, 0, false}},
        {UINT64_C(1) << 63 | 0x1234, {HOSTPAGE_PRESENT, 0x1234, false}},
        {UINT64_C(1) << 63 | UINT64_C(1) << 61 | UINT64_C(1) << 57, {HOSTPAGE_PRESENT, 0, true}},
        {UINT64_C(1) << 62 | 0x1234, {HOSTPAGE_SWAPPED, 0, false}},
        {UINT64_C(1) << 62 | UINT64_C(1) << 57 | 31, {HOSTPAGE_NONE, 0, true}},
    };
    struct fixture f;

    fixture_init(&f);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t entries[3] = {UINT64_MAX, cases[i].entry, UINT64_MAX};
        g_autofree char *path = g_build_filename(f.root, "proc/77/pagemap", NULL);
        g_autofree char *directory = g_path_get_dirname(path);
        struct hostpage page;

        g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, (const char *)entries, sizeof(entries), NULL));
        g_assert_cmpint(hostpage_look(f.root, 77, HOSTPAGE_BYTES + 5, &page), ==, 0);
        g_assert_cmpint(page.state, ==, cases[i].page.state);
        g_assert_cmphex(page.frame, ==, cases[i].page.frame);
        g_assert_true(page.write_protected == cases[i].page.write_protected);
        g_assert_cmpint(hostpage_look(f.root, 77, 3 * HOSTPAGE_BYTES, &page), ==, -EIO);
    }
    fixture_deinit(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostpage/own", test_own);
    g_test_add_func("/hostpage/errors", test_errors);
    g_test_add_func("/hostpage/entries", test_entries);
    return g_test_run();
}
