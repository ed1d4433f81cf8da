/* SPDX-License-Identifier: Apache-2.0 */
#include "pager/waits.h"

void waits_add(struct waits *w, uint64_t page, usec_t since)
{
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        if (atomic_load(&w->at[i].page) != 0)
            continue;
        atomic_store(&w->at[i].since, since);
        atomic_fetch_add(&w->n, 1);
        atomic_store(&w->at[i].page, page + 1);
        return;
    }
}

usec_t waits_end(struct waits *w, uint64_t page, usec_t now)
{
    usec_t sum = 0;

    if (atomic_load(&w->n) == 0)
        return 0;
    for (unsigned i = 0; i < WAITS_MAX; i++) {
        uint64_t wanted = page + 1;
        usec_t since = atomic_load(&w->at[i].since);

        if (atomic_compare_exchange_strong(&w->at[i].page, &wanted, 0)) {
            atomic_fetch_sub(&w->n, 1);
            sum += u64_sub(now, since);
        }
    }
    return sum;
}
