/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ4 takes over a microsecond to find that a page of random bytes (encrypted, or compressed
 * already) can't be compressed: as long as it takes to evict it. How many different bytes there are
 * in a sample of the page says nearly the same in a fifth of the time: of 241 random ones 156 are
 * different, give or take 5; text and pointers have less than 90, programs less than 110.
 *
 * What that does not see is random words that repeat. So one in TRIAL_PERIOD of the pages that look
 * random is tried, and when one of these can be compressed, the next TRIALS are, too.
 */
#include <lz4.h>

#include "pager/cache.h"

#define SAMPLE_STRIDE   17 /* odd, so that one field of a structure is not all that is seen */
#define DIFFERENT_BYTES 138

#define TRIAL_PERIOD 16
#define TRIALS       64

/* What this thread has seen of late. */
static _Thread_local unsigned trials = TRIALS, skipped;

static bool looks_random(const unsigned char *page)
{
    union {
        unsigned char byte[256]; /* 1: it is in the sample */
        uint64_t word[32];
    } seen = {{0}};
    uint64_t sums = 0; /* eight, of a byte each: at most 32 */
    int different = 0;

    for (size_t i = 0; i < PAGE_BYTES; i += SAMPLE_STRIDE)
        seen.byte[page[i]] = 1;
    for (size_t i = 0; i < 32; i++)
        sums += seen.word[i];
    for (; sums; sums >>= 8)
        different += (int)(sums & 0xff);
    return different >= DIFFERENT_BYTES;
}

static bool worth_a_trial(void)
{
    if (trials > 0) {
        trials--;
        return true;
    }
    return ++skipped % TRIAL_PERIOD == 0;
}

size_t cache_compress(const void *bytes, void *out, size_t capacity)
{
    bool random = looks_random(bytes);
    int length;

    if (random && !worth_a_trial())
        return 0;
    if (capacity > CACHE_LENGTH_MAX)
        capacity = CACHE_LENGTH_MAX;
    length = LZ4_compress_default(bytes, out, PAGE_BYTES, (int)capacity);
    if (length <= 0)
        return 0;
    if (random)
        trials = TRIALS;
    return (size_t)length;
}
