/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/pages.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

#define COUNT 64

static uint64_t *at(const struct pages *pages, uint64_t number)
{
    return pages->words + number * PAGE_WORDS;
}

static void make(struct pages *pages, struct content content)
{
    g_assert_cmpint(pages_init(pages, 99), ==, 0);
    for (unsigned i = 0; i < COUNT; i++)
        pages_add(pages, content);
    g_assert_cmpuint(pages->count, ==, COUNT);
}

static unsigned wrong(struct pages *pages)
{
    unsigned count = 0;

    for (uint64_t i = 0; i < pages->count; i++)
        count += !pages_check(pages, i);
    return count;
}

static void test_right_pages_stay_right(void)
{
    struct pages pages;

    make(&pages, content_random());
    g_assert_cmpuint(wrong(&pages), ==, 0);
    for (unsigned i = 0; i < COUNT; i += 3)
        pages_rewrite(&pages, i);
    g_assert_cmpuint(wrong(&pages), ==, 0);
    pages_deinit(&pages);
}

static void test_wrong_page_counts_once(void)
{
    struct pages pages;

    make(&pages, content_random());
    at(&pages, 7)[PAGE_WORDS - 1] ^= 1;
    g_assert_false(pages_check(&pages, 7));
    g_assert_true(pages_check(&pages, 7));
    g_assert_cmpuint(wrong(&pages), ==, 0);
    pages_deinit(&pages);
}

static void test_lost_pages(void)
{
    struct pages pages;

    make(&pages, content_random());
    memset(at(&pages, 3), 0, PAGE_BYTES);
    memset(at(&pages, 4), 0, PAGE_BYTES / 2);
    g_assert_cmpuint(wrong(&pages), ==, 2);
    pages_deinit(&pages);
}

static void test_swapped_pages(void)
{
    uint64_t kept[PAGE_WORDS];
    struct pages pages;

    make(&pages, content_same());
    memcpy(kept, at(&pages, 3), PAGE_BYTES);
    memcpy(at(&pages, 3), at(&pages, 4), PAGE_BYTES);
    memcpy(at(&pages, 4), kept, PAGE_BYTES);
    g_assert_cmpuint(wrong(&pages), ==, 2);
    pages_deinit(&pages);
}

static void test_earlier_version(void)
{
    uint64_t kept[PAGE_WORDS];
    struct pages pages;

    make(&pages, content_random());
    memcpy(kept, at(&pages, 3), PAGE_BYTES);
    pages_rewrite(&pages, 3);
    memcpy(at(&pages, 3), kept, PAGE_BYTES);
    g_assert_cmpuint(wrong(&pages), ==, 1);
    pages_deinit(&pages);
}

static void test_zero_page_that_is_not(void)
{
    struct pages pages;

    make(&pages, content_zero());
    g_assert_cmpuint(wrong(&pages), ==, 0);
    at(&pages, 5)[100] = 1;
    g_assert_cmpuint(wrong(&pages), ==, 1);
    pages_deinit(&pages);
}

static unsigned resident(const struct pages *pages)
{
    unsigned char here[COUNT];
    unsigned count = 0;

    g_assert_cmpint(mincore(pages->words, COUNT * PAGE_BYTES, here), ==, 0);
    for (unsigned i = 0; i < COUNT; i++)
        count += here[i] & 1;
    return count;
}

static void test_shrinking_gives_back(void)
{
    struct pages pages;

    make(&pages, content_random());
    g_assert_cmpuint(resident(&pages), ==, COUNT);
    pages_shrink(&pages, 2 * COUNT);
    g_assert_cmpuint(pages.count, ==, COUNT);
    pages_shrink(&pages, 10);
    g_assert_cmpuint(pages.count, ==, 10);
    g_assert_cmpuint(resident(&pages), ==, 10);
    g_assert_cmpuint(wrong(&pages), ==, 0);
    pages_add(&pages, content_compressible(0.5));
    g_assert_cmpuint(wrong(&pages), ==, 0);
    pages_shrink(&pages, 0);
    g_assert_cmpuint(resident(&pages), ==, 0);
    pages_deinit(&pages);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pages/right", test_right_pages_stay_right);
    g_test_add_func("/pages/wrong-once", test_wrong_page_counts_once);
    g_test_add_func("/pages/lost", test_lost_pages);
    g_test_add_func("/pages/swapped", test_swapped_pages);
    g_test_add_func("/pages/earlier-version", test_earlier_version);
    g_test_add_func("/pages/zero", test_zero_page_that_is_not);
    g_test_add_func("/pages/shrink", test_shrinking_gives_back);
    return g_test_run();
}
