/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics_kernel_swap.h"

#include <math.h>

#include "daemon/kernel_swap.h"
#include "daemon/metrics_put.h"

struct metric {
    const char *name;
    enum metric_type type;
    const char *help;
    double (*read)(const struct kernel_swap_view *v); /* NAN: not known, left out */
};

#define READ(function, expression)                                                                 \
    static double function(const struct kernel_swap_view *v)                                       \
    {                                                                                              \
        return (double)(expression);                                                               \
    }

READ(ready, v->standing == KERNEL_SWAP_READY)
READ(refused, v->standing == KERNEL_SWAP_REFUSED)
READ(failing, v->standing == KERNEL_SWAP_READY && v->error)
READ(swapped, v->swapped)
READ(zswapped, v->zswapped)
READ(allowed, v->allowed == ALLOWED_ANY ? (double)NAN : (double)v->allowed)
READ(promised, v->promised)
READ(out, v->out)
READ(in, v->in)
READ(speed, v->reclaim_speed > 0 ? v->reclaim_speed : (double)NAN)
READ(windows, v->sample_windows)
READ(sampling, (double)v->sampling_cpu / (double)USEC_PER_SEC)

/* clang-format off */
static const struct metric metrics[] = {
    {"guest_kernel_swap_ready", METRIC_GAUGE, "1 where the kernel can be asked to put the guest's pages out.", ready},
    {"guest_kernel_swap_refused", METRIC_GAUGE, "1 where that can't be done for this guest.", refused},
    {"guest_kernel_swap_failing", METRIC_GAUGE, "1 where nothing of it went out at the last attempts.", failing},
    {"guest_kernel_swap_bytes", METRIC_GAUGE, "Memory of the guest that is in swap space.", swapped},
    {"guest_kernel_swap_zswap_bytes", METRIC_GAUGE, "What of it is in zswap, as far as can be told.", zswapped},
    {"guest_kernel_swap_allowed_bytes", METRIC_GAUGE, "What the guest may occupy; absent: anything.", allowed},
    {"guest_kernel_swap_promised_bytes", METRIC_GAUGE, "Swap space that is kept for it.", promised},
    {"guest_kernel_swap_out_bytes_total", METRIC_COUNTER, "Memory put out.", out},
    {"guest_kernel_swap_in_bytes_total", METRIC_COUNTER, "Memory that came back.", in},
    {"guest_kernel_swap_speed_bytes", METRIC_GAUGE, "Bytes per second while reclaiming; absent: never did.", speed},
    {"guest_kernel_swap_sample_windows_total", METRIC_COUNTER, "Windows of sampling completed.", windows},
    {"guest_kernel_swap_sampling_seconds_total", METRIC_COUNTER, "Processor time spent on sampling.", sampling},
};
/* clang-format on */

static void put_metric(GString *text, const struct metric *m, const GPtrArray *guests)
{
    metrics_put_header(text, m->name, m->type, m->help);
    for (guint i = 0; i < guests->len; i++) {
        const struct guest *guest = guests->pdata[i];
        struct kernel_swap_view view;
        double value = kernel_swap_view(guest, &view) ? m->read(&view) : (double)NAN;
        g_autofree char *label = metrics_label(guest->key, NULL);

        if (!isnan(value))
            metrics_put_sample(text, m->name, label, value);
    }
}

void metrics_put_kernel_swap(GString *text, const struct guests *guests)
{
    g_autoptr(GPtrArray) sorted = guests_sorted(guests);

    for (size_t i = 0; i < G_N_ELEMENTS(metrics); i++)
        put_metric(text, &metrics[i], sorted);
}
