/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling of memory of our own by a bitmap of idle pages that is a file of the test's. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/kernel_swap_impl.h"

#define SIZE    (64 * MIB)
#define SAMPLES 8
#define WINDOW  (50 * USEC_PER_MSEC)

/* Marks for so much host memory. */
#define BITMAP_BYTES (UINT64_C(64) << 30 >> 12 >> 3)

struct bed {
    char *root, *bitmap;
    char *memory;
    struct pageout process;
    struct pageout_choice choice;
    struct sampling *sampling;
    struct kswap_activity activity;
};

static bool bed_init(struct bed *b)
{
    g_autofree char *directory = NULL;
    uint64_t entry = 0;

    *b = (struct bed){.process = PAGEOUT_CLOSED};
    b->root = g_dir_make_tmp("aerostat-sample-XXXXXX", NULL);
    b->bitmap = g_strconcat(b->root, "/sys/kernel/mm/page_idle/bitmap", NULL);
    directory = g_path_get_dirname(b->bitmap);
    g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
    g_assert_true(g_file_set_contents(b->bitmap, "", 0, NULL));
    g_assert_cmpint(truncate(b->bitmap, BITMAP_BYTES), ==, 0);
    b->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_cmpint(madvise(b->memory, SIZE, MADV_NOHUGEPAGE), ==, 0);
    memset(b->memory, 1, SIZE);
    if (pageout_open(&b->process, "", getpid()) == 0)
        g_assert_cmpint(pageout_look(&b->process, (uintptr_t)b->memory, &entry, 1), ==, 0);
    b->choice.n = 1;
    b->choice.ranges[0] =
        (struct ram_range){.start = (uintptr_t)b->memory, .end = (uintptr_t)b->memory + SIZE};
    b->choice.random = g_test_rand_int();
    b->sampling = sampling_new(b->root);
    sampling_configure(b->sampling, SAMPLES, WINDOW);
    return pageout_frame(entry);
}

static void bed_deinit(struct bed *b)
{
    g_autofree char *command = g_strdup_printf("rm -r %s", b->root);

    sampling_free(b->sampling);
    pageout_close(&b->process);
    g_assert_cmpint(munmap(b->memory, SIZE), ==, 0);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(b->root);
    g_free(b->bitmap);
}

static void look(struct bed *b)
{
    g_assert_cmpint(sampling_look(b->sampling, &b->process, &b->choice, SIZE, true, &b->activity),
                    ==, 0);
    g_usleep(WINDOW / 10);
}

/* Looks until another window is complete. */
static void window(struct bed *b, bool touched)
{
    uint64_t before = b->activity.windows;

    while (b->activity.windows == before) {
        look(b);
        if (touched) { /* all marks vanish */
            g_assert_cmpint(truncate(b->bitmap, 0), ==, 0);
            g_assert_cmpint(truncate(b->bitmap, BITMAP_BYTES), ==, 0);
        }
    }
}

static void test_idle_pages(void)
{
    struct bed b;

    if (bed_init(&b)) {
        g_assert_cmpint(sampling_source(b.sampling), ==, KERNEL_SWAP_IDLE_PAGES);
        window(&b, false);
        /* The file, other than the kernel, forgets the marks of a new one's 63 neighbours. */
        g_assert_cmpuint(b.activity.permille, <=, 500);
        g_assert_cmpuint(b.choice.cold_end, >, 0);
        window(&b, true); /* takes those that were followed, too */
        window(&b, true);
        g_assert_cmpuint(b.activity.permille, ==, 1000);
        /* Nothing was moved for it. */
        for (size_t i = 0; i < SIZE; i += 4096) {
            uint64_t entry;

            g_assert_cmpint(pageout_look(&b.process, (uintptr_t)b.memory + i, &entry, 1), ==, 0);
            g_assert_true(pageout_is_present(entry));
        }
    } else {
        g_test_skip("page frame numbers are for root alone");
    }
    bed_deinit(&b);
}

static void test_none(void)
{
    struct bed b;

    (void)bed_init(&b);
    sampling_configure(b.sampling, 0, WINDOW);
    g_assert_cmpint(sampling_source(b.sampling), ==, KERNEL_SWAP_UNSAMPLED);
    for (unsigned i = 0; i < 20; i++)
        look(&b);
    g_assert_cmpuint(b.activity.windows, ==, 0);
    bed_deinit(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kernel-swap/sample/idle-pages", test_idle_pages);
    g_test_add_func("/kernel-swap/sample/none", test_none);
    return g_test_run();
}
