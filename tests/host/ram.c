/* SPDX-License-Identifier: Apache-2.0 */
/* Reading address spaces and finding guest RAM in them. The texts follow real ones of QEMU 7.2. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "host/ramfind.h"
#include "host/smaps.h"

#define MIB (UINT64_C(1) << 20)

static int read_text(const char *text, GArray *vmas)
{
    g_autofree char *copy = g_strdup(text);
    FILE *file = fmemopen(copy, strlen(copy), "r");
    int r;

    g_assert_nonnull(file);
    r = smaps_read(file, vmas);
    (void)fclose(file);
    return r;
}

static GArray *parse(const char *text)
{
    GArray *vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));

    g_assert_cmpint(read_text(text, vmas), ==, 0);
    return vmas;
}

static const struct smaps_vma *vma(const GArray *vmas, size_t i)
{
    g_assert_cmpuint(i, <, vmas->len);
    return &g_array_index(vmas, struct smaps_vma, i);
}

static void test_smaps(void)
{
    g_autoptr(GArray) vmas = parse(
        "7f0000000000-7f0010000000 rw-p 00000000 00:00 0 \n"
        "Size:             262144 kB\nRss:               30000 kB\nSwap:                 12 kB\n"
        "Private_Hugetlb:       0 kB\nVmFlags: rd wr mr mw me dc ac sd hg mg \n"
        "7f0020000000-7f0030000000 rw-s 00200000 00:01 2077   /memfd:memory-backend-memfd "
        "(deleted)\n"
        "Rss:                1024 kB\nShared_Hugetlb:     2048 kB\nVmFlags: rd wr sh mr mw me ms "
        "lo ht um uw\n"
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n");

    g_assert_cmpuint(vmas->len, ==, 3);
    g_assert_cmpuint(vma(vmas, 0)->end - vma(vmas, 0)->start, ==, 256 * MIB);
    g_assert_cmpuint(vma(vmas, 0)->rss, ==, 30000 * 1024);
    g_assert_cmpuint(vma(vmas, 0)->swap, ==, 12 * 1024);
    g_assert_true(vma(vmas, 0)->dontcopy && vma(vmas, 0)->hugepage);
    g_assert_false(vma(vmas, 0)->named || vma(vmas, 0)->shared || vma(vmas, 0)->executable);
    g_assert_true(vma(vmas, 1)->memfd && vma(vmas, 1)->shared);
    g_assert_cmpuint(vma(vmas, 1)->inode, ==, 2077);
    g_assert_cmpuint(vma(vmas, 1)->device, ==, makedev(0, 1));
    g_assert_cmpuint(vma(vmas, 1)->hugetlb, ==, 2 * MIB);
    g_assert_cmpuint(vma(vmas, 1)->offset, ==, 2 * MIB);
    g_assert_true(vma(vmas, 1)->locked && vma(vmas, 1)->hugetlbfs && vma(vmas, 1)->userfaultfd);
    g_assert_false(vma(vmas, 0)->locked || vma(vmas, 0)->hugetlbfs || vma(vmas, 0)->userfaultfd);
    g_assert_false(vma(vmas, 1)->dontcopy);
    g_assert_true(vma(vmas, 2)->named);
}

static void test_bad_smaps(void)
{
    static const char *const bad[] = {"rubbish\n", "7f00-7e00 rw-p 0 00:00 0\n", "\n", "12-34\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GArray) vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));

        g_assert_cmpint(read_text(bad[i], vmas), ==, -EBADMSG);
    }
}

static void test_own_smaps(void)
{
    g_autoptr(GArray) vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));
    FILE *file = fopen("/proc/self/smaps", "re");
    uint64_t rss = 0;

    g_assert_nonnull(file);
    g_assert_cmpint(smaps_read(file, vmas), ==, 0);
    (void)fclose(file);
    for (size_t i = 0; i < vmas->len; i++)
        rss += vma(vmas, i)->rss;
    g_assert_cmpuint(vmas->len, >, 5);
    g_assert_cmpuint(rss, >, 100000);
}

static void test_private(void)
{
    /* The code buffer of TCG and a thread's stack are as large as the RAM. */
    g_autoptr(GArray) vmas = parse("55aa00000000-55aa00100000 rw-p 00000000 00:00 0 [heap]\n"
                                   "7f0000000000-7f0004000000 rwxp 00000000 00:00 0 \n"
                                   "7f0005000000-7f0009000000 rw-p 00000000 00:00 0 \n"
                                   "VmFlags: rd wr mr mw me dc ac hg mg\n"
                                   "7f000a000000-7f000e000000 rw-p 00000000 00:00 0 \n"
                                   "VmFlags: rd wr mr mw me ac\n"
                                   "7f000f000000-7f0013000000 ---p 00000000 00:00 0 \n");
    struct ram_block block = {.size = 64 * MIB};
    struct ram_range range;

    g_assert_cmpint(ram_find(vmas, &block, 1, &range), ==, 0);
    g_assert_cmphex(range.start, ==, 0x7f0005000000);
    g_assert_cmpint(range.kind, ==, RAM_PRIVATE);
    block.size = 63 * MIB;
    g_assert_cmpint(ram_find(vmas, &block, 1, &range), ==, -ENOENT);
}

static void test_memfd(void)
{
    g_autoptr(GArray) vmas = parse(
        "7f0000000000-7f0004000000 rw-p 00000000 00:00 0 \n"
        "7f0005000fff-7f0009000fff rw-s 00000000 00:01 77 /memfd:memory-backend-memfd (deleted)\n"
        "7f000a000000-7f000e000000 rw-s 00000000 00:05 78 /dev/shm/x\n");
    struct ram_block block = {.size = 64 * MIB, .shared = true};
    struct ram_range range;

    g_assert_cmpint(ram_find(vmas, &block, 1, &range), ==, 0);
    g_assert_cmpint(range.kind, ==, RAM_MEMFD);
    g_assert_cmpuint(range.inode, ==, 77);
}

static void test_split(void)
{
    g_autoptr(GArray) vmas = parse("7f0000000000-7f0001000000 rw-p 00000000 00:00 0 \n"
                                   "7f0001000000-7f0004000000 rw-p 00000000 00:00 0 \n"
                                   "7f0004001000-7f0005000000 rw-p 00000000 00:00 0 \n");
    struct ram_block block = {.size = 64 * MIB};
    struct ram_range range;

    g_assert_cmpint(ram_find(vmas, &block, 1, &range), ==, 0);
    g_assert_cmphex(range.start, ==, 0x7f0000000000);
    g_assert_cmphex(range.end, ==, 0x7f0004000000);
    block.size = 80 * MIB; /* there is a hole before the rest */
    g_assert_cmpint(ram_find(vmas, &block, 1, &range), ==, -ENOENT);
}

static void test_several(void)
{
    g_autoptr(GArray) vmas =
        parse("7f0000000000-7f0004000000 rw-p 00000000 00:00 0 \n"
              "7f0005000000-7f0009000000 rw-p 00000000 00:00 0 \n"
              "7f000a000000-7f000e000000 rw-s 00000000 00:01 7 /memfd:b (deleted)\n");
    struct ram_block blocks[] = {{64 * MIB, false}, {64 * MIB, true}, {64 * MIB, false}};
    struct ram_range ranges[3];

    g_assert_cmpint(ram_find(vmas, blocks, 3, ranges), ==, 0);
    g_assert_cmphex(ranges[0].start, ==, 0x7f0005000000);
    g_assert_cmphex(ranges[1].start, ==, 0x7f000a000000);
    g_assert_cmphex(ranges[2].start, ==, 0x7f0000000000);
    g_assert_cmpint(ram_kind_of(ranges, 3), ==, RAM_OTHER);
    g_assert_cmpint(ram_kind_of(ranges, 1), ==, RAM_PRIVATE);
    g_assert_cmpint(ram_kind_of(ranges, 0), ==, RAM_UNKNOWN);
}

static void test_hugetlb(void)
{
    g_autoptr(GArray) vmas =
        parse("7f0000000000-7f0004000000 rw-s 00000000 00:0f 9 /memfd:memory-backend-memfd\n"
              "Rss: 0 kB\nShared_Hugetlb: 4096 kB\n");
    struct ram_block block = {.size = 64 * MIB, .shared = true};
    struct ram_range range;

    g_assert_cmpint(ram_find(vmas, &block, 1, &range), ==, 0);
    g_assert_cmpint(range.kind, ==, RAM_OTHER);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smaps/parse", test_smaps);
    g_test_add_func("/smaps/bad", test_bad_smaps);
    g_test_add_func("/smaps/own", test_own_smaps);
    g_test_add_func("/ramfind/private", test_private);
    g_test_add_func("/ramfind/memfd", test_memfd);
    g_test_add_func("/ramfind/split", test_split);
    g_test_add_func("/ramfind/several", test_several);
    g_test_add_func("/ramfind/hugetlb", test_hugetlb);
    return g_test_run();
}
