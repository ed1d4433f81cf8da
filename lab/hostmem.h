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
    uint64_t ksm_saved; /* bytes that merging saves: pages that share one, and pages of zeros
                           that are the kernel's own now */
};

/* @directory: where the run's swap files are. Where there are others too, the run's part of the
 * swap cache is its part of what is used. */
void hostmem_look(const char *directory, struct hostmem *ret);
