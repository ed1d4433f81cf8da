/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rates.h"

#define METER_HALF_LIFE_USEC USEC_PER_SEC

/* Of a speed: what is new counts for this part, once it was at work for so long. */
#define SPEED_WEIGHT      0.5
#define SPEED_WINDOW_USEC (500 * USEC_PER_MSEC)

/* Less than this done in one go says nothing about how fast it could be. */
#define SPEED_LEAST_BYTES (4 * MIB)

#define RATE_MAX ((double)(UINT64_C(1) << 50))

static uint64_t per_second(double bytes, usec_t elapsed)
{
    double rate = bytes * (double)USEC_PER_SEC / (double)elapsed;

    if (rate <= 0)
        return 0;
    return rate > RATE_MAX ? (uint64_t)RATE_MAX : (uint64_t)rate;
}

void meter_follow(struct meter *m, double bytes, usec_t elapsed)
{
    if (elapsed == 0)
        return;
    m->bytes += bytes;
    m->span += elapsed;
    if (m->span < METER_WINDOW_USEC)
        return;
    double kept =
        (double)m->rate * (double)METER_HALF_LIFE_USEC / (double)(METER_HALF_LIFE_USEC + m->span);

    m->rate = u64_max(per_second(m->bytes, m->span), (uint64_t)kept);
    m->bytes = 0;
    m->span = 0;
}

void speed_follow(struct speed *s, uint64_t bytes, usec_t elapsed, bool saturated)
{
    if (elapsed == 0)
        return;
    s->bytes += (double)bytes;
    s->span += elapsed;
    uint64_t rate = u64_max(1, per_second(s->bytes, s->span));

    if (!saturated) {
        if (s->bytes >= (double)SPEED_LEAST_BYTES && rate > s->rate)
            s->rate = rate;
    } else if (s->span < SPEED_WINDOW_USEC) {
        return;
    } else if (s->rate == 0) {
        s->rate = rate;
    } else {
        s->rate = (uint64_t)((1 - SPEED_WEIGHT) * (double)s->rate + SPEED_WEIGHT * (double)rate);
    }
    s->bytes = 0;
    s->span = 0;
}

uint64_t rate_bytes(uint64_t rate, usec_t usec)
{
    double bytes = (double)rate * (double)usec / (double)USEC_PER_SEC;

    return bytes > RATE_MAX ? (uint64_t)RATE_MAX : (uint64_t)bytes;
}

usec_t rate_usec(uint64_t rate, uint64_t bytes)
{
    double usec = rate ? (double)bytes / (double)rate * (double)USEC_PER_SEC : (double)USEC_NEVER;

    return usec >= (double)(USEC_NEVER / 2) ? USEC_NEVER : (usec_t)usec;
}
