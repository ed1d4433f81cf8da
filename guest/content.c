/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The generator is as cheap as it can be while no four bytes of a page are likely to occur twice in
 * it (that is what LZ4 looks for): guests run under emulation, and every touch checks a whole page.
 */
#include "guest/content.h"

#define HEADER_WORDS 2

/* Of mixed content: so many of MIXED_KINDS are zero, so many compressible; the rest is random. */
#define MIXED_KINDS        8
#define MIXED_ZERO         2
#define MIXED_COMPRESSIBLE 3
#define MIXED_SHARE        0.3

/* Odd, with bits all over: the golden ratio, and one of the mixers of SplitMix64. */
#define STEP  0x9e3779b97f4a7c15u
#define MIXER 0xbf58476d1ce4e5b9u

struct content content_random(void)
{
    return (struct content){.random_words = PAGE_WORDS};
}

struct content content_zero(void)
{
    return (struct content){.zero = true};
}

struct content content_same(void)
{
    return (struct content){.random_words = PAGE_WORDS, .same = true};
}

struct content content_compressible(double share)
{
    return (struct content){.random_words = (uint16_t)(share * (double)PAGE_WORDS)};
}

struct content content_mixed(void)
{
    return (struct content){.mixed = true};
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * MIXER;
    x = (x ^ (x >> 27)) * STEP;
    return x ^ (x >> 31);
}

static uint64_t page_key(struct content content, uint64_t seed, uint64_t number, uint32_t version)
{
    return mix(mix((content.same ? 0 : seed) + number * STEP) + version);
}

/* What mixed content is here. A zero page has no header at any version: it is like a version 0. */
static struct content resolve(struct content content, uint64_t number, uint32_t *version)
{
    uint64_t kind;

    if (!content.mixed)
        return content;
    kind = mix(number * STEP ^ *version) % MIXED_KINDS;
    if (kind >= MIXED_ZERO + MIXED_COMPRESSIBLE)
        return content_random();
    if (kind >= MIXED_ZERO)
        return content_compressible(MIXED_SHARE);
    *version = 0;
    return content_zero();
}

static inline uint64_t random_word(uint64_t key, uint64_t index)
{
    uint64_t word = (key + index) * STEP;

    return word ^ (word >> 29);
}

void content_write(uint64_t *page, struct content content, uint64_t seed, uint64_t number,
                   uint32_t version)
{
    content = resolve(content, number, &version);

    bool header = !content.zero || version > 0;
    uint64_t key = page_key(content, seed, number, version);
    uint64_t filler = content.zero ? 0 : key;
    uint64_t i = HEADER_WORDS;

    page[0] = header ? number : 0;
    page[1] = header ? version : 0;
    for (; i < content.random_words; i++)
        page[i] = random_word(key, i);
    for (; i < PAGE_WORDS; i++)
        page[i] = filler;
}

bool content_matches(const uint64_t *page, struct content content, uint64_t seed, uint64_t number,
                     uint32_t version)
{
    content = resolve(content, number, &version);

    bool header = !content.zero || version > 0;
    uint64_t key = page_key(content, seed, number, version);
    uint64_t filler = content.zero ? 0 : key;
    uint64_t difference = (page[0] ^ (header ? number : 0)) | (page[1] ^ (header ? version : 0));
    uint64_t i = HEADER_WORDS;

    for (; i < content.random_words; i++)
        difference |= page[i] ^ random_word(key, i);
    for (; i < PAGE_WORDS; i++)
        difference |= page[i] ^ filler;
    return difference == 0;
}
