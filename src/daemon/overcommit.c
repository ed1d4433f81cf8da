/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/overcommit.h"

#include <math.h>

static const double span_seconds[OVERCOMMIT_SPANS] = {60, 300, 900};

void overcommit_observe(struct overcommit *o, uint64_t configured, uint64_t capacity, usec_t now)
{
    double passed = o->last ? (double)(now - o->last) / (double)USEC_PER_SEC : 0;

    for (int i = 0; i < OVERCOMMIT_SPANS; i++) {
        double taken = 1 - exp(-passed / span_seconds[i]);

        o->weighted[i] += (o->now - o->weighted[i]) * taken;
        o->weight[i] += (1 - o->weight[i]) * taken;
    }
    o->now = capacity ? (double)configured / (double)capacity : 0;
    for (int i = 0; i < OVERCOMMIT_SPANS; i++)
        o->average[i] = o->weight[i] > 0 ? o->weighted[i] / o->weight[i] : o->now;
    o->last = now;
}
