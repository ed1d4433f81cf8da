/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/content.h"

#include <glib.h>
#include <lz4.h>
#include <math.h>
#include <string.h>

#define SEED 0x1234567890abcdefu

typedef uint64_t page_t[PAGE_WORDS];

static struct content kinds[4];

static void make_kinds(void)
{
    kinds[0] = content_random();
    kinds[1] = content_zero();
    kinds[2] = content_same();
    kinds[3] = content_compressible(0.3);
}

static void test_written_page_matches(void)
{
    static const uint32_t versions[] = {0, 1, 7, UINT32_MAX};
    page_t page;

    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++)
        for (size_t v = 0; v < G_N_ELEMENTS(versions); v++) {
            content_write(page, kinds[kind], SEED, 42, versions[v]);
            g_assert_true(content_matches(page, kinds[kind], SEED, 42, versions[v]));
        }
}

static void test_any_changed_byte_is_seen(void)
{
    page_t page;
    unsigned char *bytes = (unsigned char *)page;

    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++)
        for (uint32_t version = 0; version < 2; version++) {
            content_write(page, kinds[kind], SEED, 42, version);
            for (unsigned i = 0; i < PAGE_BYTES; i++) {
                bytes[i] ^= (unsigned char)(1u << i % 8);
                g_assert_false(content_matches(page, kinds[kind], SEED, 42, version));
                bytes[i] ^= (unsigned char)(1u << i % 8);
            }
        }
}

static void test_other_pages_do_not_match(void)
{
    page_t page;

    for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        content_write(page, kinds[kind], SEED, 42, 3);
        g_assert_false(content_matches(page, kinds[kind], SEED, 43, 3));
        g_assert_false(content_matches(page, kinds[kind], SEED, 42, 2));
        g_assert_false(content_matches(page, kinds[kind], SEED, 42, 4));
    }
}

static void test_seed_tells_guests_apart_but_where_same(void)
{
    page_t here, there;

    content_write(here, content_random(), 1, 5, 0);
    content_write(there, content_random(), 2, 5, 0);
    g_assert_cmpint(memcmp(here, there, sizeof(here)), !=, 0);
    g_assert_false(content_matches(here, content_random(), 2, 5, 0));

    content_write(here, content_same(), 1, 5, 0);
    content_write(there, content_same(), 2, 5, 0);
    g_assert_cmpmem(here, sizeof(here), there, sizeof(there));
    content_write(there, content_same(), 1, 6, 0);
    g_assert_cmpint(memcmp(here, there, sizeof(here)), !=, 0);
}

static void test_zero_page_is_zero_until_written(void)
{
    static const page_t zeros;
    page_t page;

    content_write(page, content_zero(), SEED, 42, 0);
    g_assert_cmpmem(page, sizeof(page), zeros, sizeof(zeros));
    content_write(page, content_zero(), SEED, 42, 1);
    g_assert_cmpuint(page[0], ==, 42);
    g_assert_cmpuint(page[1], ==, 1);
}

/* Mean size of a page after LZ4. */
static double lz4_bytes(struct content content)
{
    char out[LZ4_COMPRESSBOUND(PAGE_BYTES)];
    page_t page;
    double sum = 0;

    for (unsigned number = 0; number < 100; number++) {
        content_write(page, content, SEED, number, 1);
        sum += LZ4_compress_default((const char *)page, out, PAGE_BYTES, sizeof(out));
    }
    return sum / 100;
}

/* Each page and version is one of the three kinds, in about the parts that PROTOCOL.md says. */
static void test_mixed(void)
{
    unsigned zeros = 0, compressible = 0, random = 0;

    for (unsigned number = 0; number < 400; number++)
        for (uint32_t version = 0; version < 4; version++) {
            page_t page, none = {0};
            char out[LZ4_COMPRESSBOUND(PAGE_BYTES)];
            int length;

            content_write(page, content_mixed(), SEED, number, version);
            g_assert_true(content_matches(page, content_mixed(), SEED, number, version));
            page[PAGE_WORDS - 1] ^= 1;
            g_assert_false(content_matches(page, content_mixed(), SEED, number, version));
            page[PAGE_WORDS - 1] ^= 1;
            length = LZ4_compress_default((const char *)page, out, PAGE_BYTES, sizeof(out));
            if (memcmp(page, none, sizeof(page)) == 0)
                zeros++;
            else if (length < (int)PAGE_BYTES / 2)
                compressible++;
            else
                random++;
        }
    g_assert_cmpfloat_with_epsilon(zeros / 1600.0, 2.0 / 8, 0.05);
    g_assert_cmpfloat_with_epsilon(compressible / 1600.0, 3.0 / 8, 0.05);
    g_assert_cmpfloat_with_epsilon(random / 1600.0, 3.0 / 8, 0.05);
}

static void test_compresses_as_it_was_asked_to(void)
{
    g_assert_cmpfloat(lz4_bytes(content_random()), >=, PAGE_BYTES);
    g_assert_cmpfloat(lz4_bytes(content_same()), >=, PAGE_BYTES);
    g_assert_cmpfloat(lz4_bytes(content_compressible(1)), >=, PAGE_BYTES);
    g_assert_cmpfloat(lz4_bytes(content_zero()), <, 64);
    for (double share = 0.05; share < 1; share += 0.05)
        g_assert_cmpfloat(fabs(lz4_bytes(content_compressible(share)) / PAGE_BYTES - share), <,
                          0.03);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    make_kinds();
    g_test_add_func("/content/matches", test_written_page_matches);
    g_test_add_func("/content/changed-byte", test_any_changed_byte_is_seen);
    g_test_add_func("/content/other-page", test_other_pages_do_not_match);
    g_test_add_func("/content/seed", test_seed_tells_guests_apart_but_where_same);
    g_test_add_func("/content/zero", test_zero_page_is_zero_until_written);
    g_test_add_func("/content/mixed", test_mixed);
    g_test_add_func("/content/compressible", test_compresses_as_it_was_asked_to);
    return g_test_run();
}
