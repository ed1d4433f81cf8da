/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two scalar types of the policy. All sizes are bytes, all times are microseconds of a
 * monotonic clock that the caller hands in: the policy itself never reads a clock.
 */
#pragma once

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_NEVER    UINT64_MAX

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* a - b, or 0 where b is larger: byte counts are measured at different instants. */
static inline uint64_t u64_sub(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static inline uint64_t u64_clamp(uint64_t v, uint64_t lo, uint64_t hi)
{
    return u64_max(lo, u64_min(v, hi));
}
