/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the worker and the reporter share: a locked mapping that outlives a worker. The worker adds
 * up, the reporter reads. Texts are literals: both processes are the same program, forked.
 */
#pragma once

#include <stdint.h>

#include "guest/histogram.h"

struct shared {
    _Atomic uint64_t ordered;    /* number of the last order given; the worker looks for it */
    _Atomic uint64_t finished;   /* number of the last order that is done with */
    _Atomic uint64_t operations; /* page touches and streamed pages, verified */
    _Atomic uint64_t wrong;      /* of these, pages that held something else */
    _Atomic uint64_t owned;      /* bytes */
    _Atomic uint64_t failed; /* number of the last order that failed; the next two belong to it */
    const char *_Atomic error;
    _Atomic int error_number; /* errno; 0: none */
    struct histogram latencies;
};
