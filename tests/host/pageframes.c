/* SPDX-License-Identifier: Apache-2.0 */
/* Marks in a bitmap like the kernel's, and huge pages of our own. */
#include "host/pageframes.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/units.h"
#include "fixture.h"
#include "host/hostpage.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define BITMAP "/sys/kernel/mm/page_idle/bitmap"

static void test_marks(void)
{
    struct fixture f;
    g_autofree char *path = NULL;
    autofd fd = -1;
    uint64_t tracked, word = 0;

    fixture_init(&f);
    g_assert_cmpint(pageframes_open_idle(f.root), ==, -ENOENT);
    fixture_write(&f, BITMAP, "");
    path = g_strconcat(f.root, BITMAP, NULL);
    g_assert_cmpint(truncate(path, 16), ==, 0);
    fd = pageframes_open_idle(f.root);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pageframes_is_idle(fd, 100), ==, 0);
    g_assert_cmpint(pageframes_mark(fd, 100, &tracked), ==, 0);
    g_assert_cmpuint(tracked, ==, 100);
    g_assert_cmpint(pread(fd, &word, sizeof(word), 8), ==, sizeof(word));
    g_assert_cmpuint(word, ==, UINT64_C(1) << 36);
    g_assert_cmpint(pageframes_is_idle(fd, 100), ==, 1);
    g_assert_cmpint(pageframes_is_idle(fd, 101), ==, 0);
    word = 0; /* as a touch does */
    g_assert_cmpint(pwrite(fd, &word, sizeof(word), 8), ==, sizeof(word));
    g_assert_cmpint(pageframes_is_idle(fd, 100), ==, 0);
    g_assert_cmpint(pageframes_is_idle(fd, 128), ==, -ENODEV);
    fixture_deinit(&f);
}

/* What can't be marked, as all but the first of a huge page: a file that takes no marks. */
static void test_untrackable(void)
{
    autofd null = open("/dev/full", O_RDWR | O_CLOEXEC);
    uint64_t tracked;

    g_assert_cmpint(pageframes_mark(null, 700, &tracked), ==, -ENOSPC);
    fd_close(&null);
    null = open("/dev/zero", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(pageframes_mark(null, 700, &tracked), ==, -ENODEV);
    g_assert_cmpuint(tracked, ==, 512);
}

static void test_huge(void)
{
    autofd fd = pageframes_open_flags("");
    char *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned = memory + (2 * MIB - (uintptr_t)memory % (2 * MIB));
    struct hostpage page;

    g_assert_false(pageframes_is_huge(-1, 1));
    g_assert_false(pageframes_is_huge(fd, 0));
    *aligned = 1;
    (void)hostpage_look("", getpid(), (uintptr_t)aligned, &page);
    if (fd < 0 || page.frame == 0 || madvise(aligned, 2 * MIB, MADV_COLLAPSE) != 0) {
        g_test_skip("no huge pages here, or no right to look");
    } else {
        g_assert_cmpint(hostpage_look("", getpid(), (uintptr_t)aligned + 8192, &page), ==, 0);
        g_assert_true(pageframes_is_huge(fd, page.frame));
        g_assert_cmpint(madvise(memory, 4 * MIB, MADV_DONTNEED), ==, 0);
        g_assert_cmpint(madvise(memory, 4 * MIB, MADV_NOHUGEPAGE), ==, 0);
        *aligned = 1;
        g_assert_cmpint(hostpage_look("", getpid(), (uintptr_t)aligned, &page), ==, 0);
        g_assert_false(pageframes_is_huge(fd, page.frame));
    }
    g_assert_cmpint(munmap(memory, 4 * MIB), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pageframes/marks", test_marks);
    g_test_add_func("/pageframes/untrackable", test_untrackable);
    g_test_add_func("/pageframes/huge", test_huge);
    return g_test_run();
}
