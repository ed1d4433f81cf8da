/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics_health.h"

#include "daemon/metrics_put.h"

static double lost_part(const struct guest_view *view)
{
    return view->lost_part;
}

static double balloon_rate(const struct guest_view *view)
{
    return (double)view->balloon_rate;
}

static double swap_rate(const struct guest_view *view)
{
    return (double)view->swap_rate;
}

static double paged_by_guest(const struct guest_view *view)
{
    return (double)view->paged_by_guest;
}

/* clang-format off */
static const struct {
    const char *name;
    enum metric_type type;
    const char *help;
    double (*read)(const struct guest_view *view);
} figures[] = {
    {"guest_lost_ratio", METRIC_GAUGE, "Part of one processor's time that it lost waiting for memory, over the last ten seconds or so.", lost_part},
    {"guest_balloon_speed_bytes", METRIC_GAUGE, "Bytes per second by which its balloon grew when it was last asked to; 0: never.", balloon_rate},
    {"guest_swap_speed_bytes", METRIC_GAUGE, "Bytes per second that were put out of it when that was last asked for; 0: never.", swap_rate},
    {"guest_paged_twice_bytes_total", METRIC_COUNTER, "Bytes that the host had put out and the guest then paged out itself, at most.", paged_by_guest},
};
/* clang-format on */

static void put_marks(GString *text, const struct host_view *host)
{
    metrics_put_header(text, "host_mark_bytes", METRIC_GAUGE,
                       "Free memory below which the host is in the state; high: that must be free "
                       "for it to be reached again.");
    for (int state = 0; state < HOST_STATE_MAX; state++) {
        g_autofree char *label =
            g_strdup_printf("{state=\"%s\"}", host_state_name((enum host_state)state));

        metrics_put_sample(text, "host_mark_bytes", label, (double)host->marks[state]);
    }
}

static void put_lost(GString *text, const struct guest *guest)
{
    struct guest_view view;

    policy_guest_view(guest->policy, &view);
    for (int by = 0; by < LOST_BY_MAX; by++) {
        g_autofree char *more = g_strdup_printf("by=\"%s\"", lost_by_name((enum lost_by)by));
        g_autofree char *label = metrics_label(guest->key, more);

        metrics_put_sample(text, "guest_lost_seconds_total", label,
                           (double)view.lost[by] / (double)USEC_PER_SEC);
    }
}

static void put_figure(GString *text, size_t i, const struct guest *guest)
{
    g_autofree char *label = metrics_label(guest->key, NULL);
    struct guest_view view;

    policy_guest_view(guest->policy, &view);
    metrics_put_sample(text, figures[i].name, label, figures[i].read(&view));
}

void metrics_put_health(GString *text, const struct host_view *host, const struct guests *guests)
{
    g_autoptr(GPtrArray) sorted = guests_sorted(guests);

    for (guint j = sorted->len; j-- > 0;)
        if (!((struct guest *)sorted->pdata[j])->policy)
            g_ptr_array_remove_index(sorted, j);
    put_marks(text, host);
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        metrics_put_header(text, figures[i].name, figures[i].type, figures[i].help);
        for (guint j = 0; j < sorted->len; j++)
            put_figure(text, i, sorted->pdata[j]);
    }
    metrics_put_header(text, "guest_lost_seconds_total", METRIC_COUNTER,
                       "Time that it lost waiting for memory, by what.");
    for (guint j = 0; j < sorted->len; j++)
        put_lost(text, sorted->pdata[j]);
}
