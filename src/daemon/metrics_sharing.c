/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables: of the host, and of every guest that takes part. */
#include "daemon/metrics_sharing.h"

#include "core/units.h"
#include "daemon/metrics_put.h"

struct host_metric {
    const char *name;
    enum metric_type type;
    const char *help;
    double (*read)(const struct sharing_view *v);
};

struct guest_metric {
    const char *name;
    const char *help;
    double (*read)(const struct sharing_guest_view *v);
};

#define HOST(function, expression)                                                                 \
    static double function(const struct sharing_view *v)                                           \
    {                                                                                              \
        return (double)(expression);                                                               \
    }
#define GUEST(function, expression)                                                                \
    static double function(const struct sharing_guest_view *v)                                     \
    {                                                                                              \
        return (double)(expression);                                                               \
    }

HOST(run, v->run)
HOST(blocked, v->blocker != NULL)
HOST(shared, v->shared)
HOST(saved, v->saved)
HOST(unshared, v->unshared)
HOST(rate, v->decision.rate)
HOST(scans, v->seen.full_scans)
HOST(cpu, (double)v->seen.cpu / (double)USEC_PER_SEC)

GUEST(is_in, v->standing == SHARING_IN)
GUEST(merged, v->merged)
GUEST(guest_saved, v->saved)

/* clang-format off */
static const struct host_metric host_metrics[] = {
    {"sharing_run", METRIC_GAUGE, "1 while identical pages are looked for.", run},
    {"sharing_blocked", METRIC_GAUGE, "1 where guests have opted in and something is in the way.", blocked},
    {"sharing_shared_bytes", METRIC_GAUGE, "Pages that stand for several.", shared},
    {"sharing_saved_bytes", METRIC_GAUGE, "What they save, with pages of zeros.", saved},
    {"sharing_unshared_bytes", METRIC_GAUGE, "Pages that were looked at and are like no other.", unshared},
    {"sharing_rate_pages", METRIC_GAUGE, "Pages that are looked at in a second.", rate},
    {"sharing_scans_total", METRIC_COUNTER, "Times that all memory was looked at, since the host's start.", scans},
    {"sharing_cpu_seconds_total", METRIC_COUNTER, "Processor time of that, since the host's start.", cpu},
};

static const struct guest_metric guest_metrics[] = {
    {"guest_sharing", "1 where its pages may be shared.", is_in},
    {"guest_merged_bytes", "Its pages that are shared.", merged},
    {"guest_saved_bytes", "Its part of what that saves.", guest_saved},
};
/* clang-format on */

void metrics_put_sharing(GString *text, const struct sharing_view *host,
                         const struct guests *guests)
{
    g_autoptr(GPtrArray) sorted = guests_sorted(guests);

    for (size_t i = 0; i < G_N_ELEMENTS(host_metrics); i++) {
        metrics_put_header(text, host_metrics[i].name, host_metrics[i].type, host_metrics[i].help);
        metrics_put_sample(text, host_metrics[i].name, "", host_metrics[i].read(host));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(guest_metrics); i++) {
        metrics_put_header(text, guest_metrics[i].name, METRIC_GAUGE, guest_metrics[i].help);
        for (guint j = 0; j < sorted->len; j++) {
            const struct guest *guest = sorted->pdata[j];
            g_autofree char *label = NULL;
            struct sharing_guest_view view;

            if (!guest->policy)
                continue;
            sharing_guest_view(guest, &view);
            label = metrics_label(guest->key, NULL);
            metrics_put_sample(text, guest_metrics[i].name, label, guest_metrics[i].read(&view));
        }
    }
}
