/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics_swap.h"

#include "daemon/metrics_put.h"

void metrics_put_swap(GString *text, const struct swap_pool_view *view)
{
    const struct {
        const char *name, *help;
        double value;
    } figures[] = {
        {"swap_size_bytes", "Swap space of the kernel, all of it.", (double)view->size},
        {"swap_used_bytes", "What of it is in use, by whomever.", (double)view->used},
        {"swap_pool_bytes", "What of it is in files of the daemon's.", (double)view->own_size},
        {"swap_pool_files", "How many files these are.", view->files},
        {"swap_counted_bytes", "What of it guests can count on.", (double)view->counted},
        {"swap_needed_bytes", "What guests with private memory need of it.", (double)view->needed},
        {"swap_could_grow_bytes", "What could be added to it.", (double)view->could_grow},
        {"swap_lacking", "1 where what is needed is not there.", view->error != NULL},
        {"zswap_on", "1 where the kernel compresses what it swaps.", view->zswap},
        {"zswap_payload_bytes", "Pages in zswap, as large as they were.",
         (double)view->zswap_payload},
        {"zswap_pool_bytes", "Host memory that they occupy.", (double)view->zswap_pool},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        metrics_put_header(text, figures[i].name, METRIC_GAUGE, figures[i].help);
        metrics_put_sample(text, figures[i].name, "", figures[i].value);
    }
}
