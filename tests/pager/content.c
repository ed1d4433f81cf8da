/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <glib.h>
#include <string.h>

void content_make(unsigned char *bytes, uint64_t page, uint64_t version)
{
    uint64_t *words = (uint64_t *)(void *)bytes;
    uint64_t random = page * 1000003 + version * 7919 + 1;
    /* How many equal words follow one another. */
    unsigned run = (page + version) % 4 == 0 ? 1 : 4 + (unsigned)(page + version) % 60;

    words[0] = page;
    words[1] = version;
    for (unsigned i = 2; i < PAGE_BYTES / sizeof(*words); i++) {
        if (i % run == 0)
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        words[i] = random ^ random >> 29;
    }
}

uint64_t content_version(const unsigned char *bytes, uint64_t page)
{
    const uint64_t *words = (const uint64_t *)(const void *)bytes;
    unsigned char expected[PAGE_BYTES] __attribute__((aligned(8)));

    content_make(expected, page, words[1]);
    g_assert_cmpmem(bytes, PAGE_BYTES, expected, PAGE_BYTES);
    return words[1];
}

int content_try_put(struct cache *cache, struct pagemap *map, uint64_t page, uint64_t version,
                    enum cache_reason reason)
{
    unsigned char bytes[PAGE_BYTES] __attribute__((aligned(8)));
    unsigned char packed[CACHE_LENGTH_MAX];
    struct page_place place = {.state = PAGE_COMPRESSED, .sampled = reason == CACHE_SAMPLED};
    size_t length;
    int r;

    content_make(bytes, page, version);
    length = cache_compress(bytes, packed, sizeof(packed));
    place.length = length > 0 ? (unsigned)length : PAGE_BYTES;
    r = cache_put(cache, page, length > 0 ? packed : bytes, place.length, reason, &place.location);
    if (r == 0)
        pagemap_set(map, page, place);
    return r;
}

void content_put(struct cache *cache, struct pagemap *map, uint64_t page, uint64_t version,
                 enum cache_reason reason)
{
    g_assert_cmpint(content_try_put(cache, map, page, version, reason), ==, 0);
}

uint64_t content_check(struct cache *cache, const struct pagemap *map, uint64_t page)
{
    unsigned char bytes[PAGE_BYTES] __attribute__((aligned(8)));
    struct page_place place = pagemap_get(map, page);

    if (place.state != PAGE_COMPRESSED)
        return 0;
    g_assert_cmpint(cache_get(cache, page, place, bytes), ==, 0);
    return content_version(bytes, page);
}
