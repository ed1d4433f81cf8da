/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page holds. A page that was written carries its number in its first word and its version
 * in the second; the rest follows from number, version and a seed, so that a page of another place,
 * another time or another guest, or a half of one, is told from the right one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_WORDS 512u
#define PAGE_BYTES (PAGE_WORDS * 8)

struct content {
    uint16_t random_words; /* of PAGE_WORDS; the rest of the page repeats one word */
    bool zero : 1;         /* no random words, and the word that is repeated is 0 */
    bool same : 1;         /* does not depend on the seed: identical in all guests */
    bool mixed : 1;        /* number and version say which: zero throughout, compressible, random */
};

struct content content_random(void);
struct content content_zero(void);
struct content content_same(void);
struct content content_mixed(void);

/* LZ4 brings a page to about @share of its size; 0 < @share <= 1. */
struct content content_compressible(double share);

/* The page at its version; version 0 of a zero page is zero throughout. */
void content_write(uint64_t *page, struct content content, uint64_t seed, uint64_t number,
                   uint32_t version);
bool content_matches(const uint64_t *page, struct content content, uint64_t seed, uint64_t number,
                     uint32_t version);
