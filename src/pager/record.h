/* SPDX-License-Identifier: Apache-2.0 */
/* A page in the compression cache, as it lies in its file. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORD_ALIGN   16
#define RECORD_DROPPED 1 /* flag: cache_drop was here */
#define RECORD_SAMPLE  2 /* flag: was put as a sample */

struct record {
    uint64_t page;
    uint16_t length; /* 0: there is no record; PAGE_BYTES: not compressed */
    uint16_t flags;
    uint32_t check; /* of the bytes */
    unsigned char bytes[];
};
_Static_assert(sizeof(struct record) % RECORD_ALIGN == 0, "records are aligned");

static inline uint32_t record_bytes(size_t length)
{
    return (uint32_t)((sizeof(struct record) + length + RECORD_ALIGN - 1) / RECORD_ALIGN *
                      RECORD_ALIGN);
}

/* Four lanes, so that the processor need not wait for one multiplication after the other. */
static inline uint32_t record_check(const unsigned char *bytes, size_t length)
{
    static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t lanes[4] = {length, 1, 2, 3}, word[4] = {0};

    for (; length > 0; bytes += sizeof(word)) {
        size_t n = length < sizeof(word) ? length : sizeof(word);

        memcpy(word, bytes, n);
        for (size_t i = 0; i < 4; i++)
            lanes[i] = (lanes[i] ^ word[i]) * factor;
        length -= n;
    }
    for (size_t i = 1; i < 4; i++)
        lanes[0] = ((lanes[0] ^ lanes[0] >> 29) + lanes[i]) * factor;
    return (uint32_t)(lanes[0] >> 32);
}
