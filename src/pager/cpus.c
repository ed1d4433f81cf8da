/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/cpus.h"

#include <assert.h>

void cpus_set(struct cpus *c, const uint32_t *ids, size_t n)
{
    assert(n <= PAGER_CPUS_MAX);
    atomic_store(&c->n, 0);
    for (size_t i = 0; i < n; i++)
        atomic_store_explicit(&c->ids[i], ids[i], memory_order_relaxed);
    atomic_store(&c->n, (uint32_t)n);
}

bool cpus_lack(const struct cpus *c, uint32_t thread)
{
    uint32_t n = atomic_load(&c->n);

    for (uint32_t i = 0; i < n; i++) {
        if (atomic_load_explicit(&c->ids[i], memory_order_relaxed) == thread)
            return false;
    }
    return n > 0;
}
