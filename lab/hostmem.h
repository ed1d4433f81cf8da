/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's kernel says of memory that belongs to no single guest: the lab's own look. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hostmem {
    uint64_t swap_cache; /* bytes that the kernel has put into swap but not dropped yet: nobody maps
                            them, and they are not free */
    bool ksm_runs;
    double ksm_rate;    /* pages/s that it looks at; 0 while it does not run */
    uint64_t ksm_saved; /* bytes that merging saves: pages_sharing */
};

void hostmem_look(struct hostmem *ret);
