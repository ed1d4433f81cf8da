/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact methods cost two or three transcendental functions for every number, which are slow where
 * floating point is emulated. Here the ranks are cut into ranges that grow by a sixteenth, each of
 * them is as likely as its ranks are together, and within a range all are alike: a search in a
 * small table, in integers, within 1/16 x skew of the exact probability of every rank.
 */
#include "guest/zipf.h"

#include <math.h>

#define GROWTH 16

/* Sum of r^-skew over the ranks from @first to before @end (counted from 0). */
static double weight(uint64_t first, uint64_t end, double skew)
{
    double a = (double)first + 0.5, b = (double)end + 0.5;

    if (end - first == 1)
        return pow((double)end, -skew);
    if (fabs(skew - 1.0) < 1e-9)
        return log(b / a);
    return (pow(b, 1.0 - skew) - pow(a, 1.0 - skew)) / (1.0 - skew);
}

void zipf_init(struct zipf *z, uint64_t count, double skew)
{
    double weights[ZIPF_STEPS_MAX] = {0}, total = 0, sum = 0;

    z->count = count;
    z->steps = 0;
    for (uint64_t first = 0, end; first < count; first = end, z->steps++) {
        end = first + 1 + first / GROWTH;
        if (end > count)
            end = count;
        z->first[z->steps] = first;
        weights[z->steps] = weight(first, end, skew);
        total += weights[z->steps];
    }
    z->first[z->steps] = count;
    for (unsigned i = 0; i < z->steps; i++) {
        sum += weights[i];
        z->below[i] = sum < total ? (uint64_t)(sum / total * 0x1p63) * 2 : UINT64_MAX;
    }
    z->below[z->steps - 1] = UINT64_MAX;
}

uint64_t zipf_pick(const struct zipf *z, const uint64_t random[2])
{
    unsigned low = 0, high = z->steps - 1;
    uint64_t rank;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (random[0] < z->below[middle])
            high = middle;
        else
            low = middle + 1;
    }
    rank = z->first[low] + random[1] % (z->first[low + 1] - z->first[low]);
    /* A prime above any count has no factor in common with it: every rank gets its own place. */
    return rank * 2654435761u % z->count;
}
