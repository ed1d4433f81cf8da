/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables: a figure of the host is one row of host_metrics, a figure of every guest one of
 * guest_metrics. To add one, write its row and the function that reads it.
 */
#include "daemon/metrics.h"

#include <config.h>
#include <math.h>

#include "daemon/blocking.h"
#include "daemon/metrics_health.h"
#include "daemon/metrics_kernel_swap.h"
#include "daemon/metrics_pager.h"
#include "daemon/metrics_put.h"
#include "daemon/metrics_sharing.h"
#include "daemon/metrics_swap.h"

/* Where the figures come from. */
struct source {
    const struct host_status *host;
    const struct config *config;
    const struct daemon_status *daemon;
    const struct guest *guest;
    const struct vmm_facts *facts;
    struct guest_view view; /* of the guest; all zero where it has none yet */
};

struct metric {
    const char *name; /* without the prefix "aerostat_" */
    enum metric_type type;
    const char *help;
    double (*read)(const struct source *s); /* NAN: not known, left out */
    bool always; /* guests: given before the guest takes part in the policy too */
};

#define HOST(function, expression)                                                                 \
    static double function(const struct source *s)                                                 \
    {                                                                                              \
        return (double)(expression);                                                               \
    }
#define GUEST(function, expression) HOST(function, expression)

HOST(host_capacity, s->host->policy.capacity)
HOST(host_configured, s->host->policy.configured)
HOST(host_resident, s->host->policy.resident)
HOST(host_free, s->host->policy.free)
HOST(host_minfree_bytes, s->host->policy.minfree)
HOST(host_available, s->host->policy.available)
HOST(host_ballooned, s->host->policy.ballooned)
HOST(host_overhead, s->host->overhead)
HOST(host_overcommit, s->host->policy.capacity
                          ? (double)s->host->policy.configured / (double)s->host->policy.capacity
                          : 0)
HOST(host_guests, s->host->guests)
HOST(host_inflated, s->host->inflated)
HOST(host_deflated, s->host->deflated)
HOST(host_decisions, s->host->decisions)
HOST(host_decision_seconds, s->host->decision_seconds)
HOST(host_orders_failed, s->host->orders.failed)
HOST(host_events, s->daemon->events_next)
HOST(host_blocked, s->host->blocked)
HOST(host_uptime, s->daemon->uptime)
HOST(host_managing, s->config->mode == MODE_MANAGE)

/* clang-format off */
static const struct metric host_metrics[] = {
    {"capacity_bytes", METRIC_GAUGE, "What all guests together may occupy.", host_capacity, true},
    {"configured_bytes", METRIC_GAUGE, "Sum of the guests' sizes.", host_configured, true},
    {"resident_bytes", METRIC_GAUGE, "Host memory that backs guest memory.", host_resident, true},
    {"free_bytes", METRIC_GAUGE, "What of the capacity is free.", host_free, true},
    {"minfree_bytes", METRIC_GAUGE, "What is to be kept free.", host_minfree_bytes, true},
    {"available_bytes", METRIC_GAUGE, "What the last decision had to hand out.", host_available, true},
    {"ballooned_bytes", METRIC_GAUGE, "Sum of the guests' balloons.", host_ballooned, true},
    {"overhead_bytes", METRIC_GAUGE, "Memory of the VMM processes that is no guest memory.", host_overhead, true},
    {"overcommit_ratio", METRIC_GAUGE, "Configured memory over capacity.", host_overcommit, true},
    {"guests", METRIC_GAUGE, "Guests that are known.", host_guests, true},
    {"inflated_bytes_total", METRIC_COUNTER, "Bytes by which balloons have grown.", host_inflated, true},
    {"deflated_bytes_total", METRIC_COUNTER, "Bytes by which balloons have shrunk.", host_deflated, true},
    {"decisions_total", METRIC_COUNTER, "How often the policy has decided.", host_decisions, true},
    {"decision_duration_seconds", METRIC_GAUGE, "What the last decision took.", host_decision_seconds, true},
    {"orders_failed_total", METRIC_COUNTER, "Orders that a guest's VMM did not take.", host_orders_failed, true},
    {"events_total", METRIC_COUNTER, "Events that were recorded.", host_events, true},
    {"guests_blocked", METRIC_GAUGE, "Guests that are held at this moment.", host_blocked, true},
    {"uptime_seconds", METRIC_GAUGE, "Time since the daemon started.", host_uptime, true},
    {"managing", METRIC_GAUGE, "1 in mode manage, 0 in mode observe.", host_managing, true},
};
/* clang-format on */

GUEST(guest_up, s->facts->link == VMM_LINK_UP)
GUEST(guest_running, s->facts->running)
GUEST(guest_size, s->facts->size)
GUEST(guest_granted, s->facts->actual)
GUEST(guest_resident, s->facts->resident)
GUEST(guest_overhead, s->facts->overhead)
GUEST(guest_active, s->view.active)
GUEST(guest_entitled, s->view.verdict.size ? (double)s->view.verdict.entitled : (double)NAN)
GUEST(guest_balloon, u64_sub(s->facts->size, s->facts->actual))
GUEST(guest_balloon_target, u64_sub(s->facts->size, s->view.balloon_target))
GUEST(guest_shares, s->view.shares)
GUEST(guest_distress, s->view.distress != 0)
GUEST(guest_stats_trusted, s->view.trust == STATS_FRESH)
GUEST(guest_inflated, s->guest->inflated)
GUEST(guest_deflated, s->guest->deflated)
GUEST(guest_blocked, (double)blocking_total(s->guest) / (double)USEC_PER_SEC)
GUEST(guest_blocks, blocking_times(s->guest))

static double guest_stats_age(const struct source *s)
{
    double now = (double)g_get_real_time() / (double)USEC_PER_SEC;

    if (!s->view.seen.stats.last_update)
        return (double)NAN;
    return fmax(now - (double)s->view.seen.stats.last_update, 0);
}

static double guest_poll_age(const struct source *s)
{
    if (!s->facts->updated)
        return (double)NAN;
    return (double)(g_get_monotonic_time() - s->facts->updated) / (double)USEC_PER_SEC;
}

static double guest_available(const struct source *s)
{
    uint64_t available = s->view.seen.stats.available;

    return available == GUEST_STAT_UNSET ? (double)NAN : (double)available;
}

/* clang-format off */
static const struct metric guest_metrics[] = {
    {"guest_up", METRIC_GAUGE, "1 where the guest's VMM answers.", guest_up, true},
    {"guest_running", METRIC_GAUGE, "1 where its virtual CPUs run.", guest_running, true},
    {"guest_size_bytes", METRIC_GAUGE, "Its configured memory.", guest_size, false},
    {"guest_granted_bytes", METRIC_GAUGE, "Its size less its balloon.", guest_granted, false},
    {"guest_resident_bytes", METRIC_GAUGE, "Host memory that backs it.", guest_resident, false},
    {"guest_overhead_bytes", METRIC_GAUGE, "Memory of its VMM process that is no guest memory.", guest_overhead, false},
    {"guest_active_bytes", METRIC_GAUGE, "Estimate of the memory it uses.", guest_active, false},
    {"guest_entitled_bytes", METRIC_GAUGE, "What may be resident, by the last decision.", guest_entitled, false},
    {"guest_balloon_bytes", METRIC_GAUGE, "Its balloon.", guest_balloon, false},
    {"guest_balloon_target_bytes", METRIC_GAUGE, "The balloon that was last asked for.", guest_balloon_target, false},
    {"guest_available_bytes", METRIC_GAUGE, "Available memory, as it says itself.", guest_available, false},
    {"guest_shares", METRIC_GAUGE, "Its shares in force.", guest_shares, false},
    {"guest_distress", METRIC_GAUGE, "1 where it suffers for lack of memory.", guest_distress, false},
    {"guest_stats_trusted", METRIC_GAUGE, "1 where its statistics are believed.", guest_stats_trusted, false},
    {"guest_stats_age_seconds", METRIC_GAUGE, "Age of its last statistics.", guest_stats_age, false},
    {"guest_poll_age_seconds", METRIC_GAUGE, "Time since its VMM last answered in full.", guest_poll_age, true},
    {"guest_inflated_bytes_total", METRIC_COUNTER, "Bytes by which its balloon has grown.", guest_inflated, false},
    {"guest_deflated_bytes_total", METRIC_COUNTER, "Bytes by which its balloon has shrunk.", guest_deflated, false},
    {"guest_blocked_seconds_total", METRIC_COUNTER, "Time that it was held for lack of host memory.", guest_blocked, false},
    {"guest_blocks_total", METRIC_COUNTER, "How often it was held.", guest_blocks, false},
};
/* clang-format on */

static void put_info(GString *text)
{
    metrics_put_header(text, "build_info", METRIC_GAUGE, "1; its label says which version runs.");
    metrics_put_sample(text, "build_info", "{version=\"" AEROSTAT_VERSION "\"}", 1);
}

static void put_states(GString *text, const struct host_status *host)
{
    metrics_put_header(text, "host_state", METRIC_GAUGE, "1 for the state that the host is in.");
    for (int i = 0; i < HOST_STATE_MAX; i++) {
        g_autofree char *label =
            g_strdup_printf("{state=\"%s\"}", host_state_name((enum host_state)i));

        metrics_put_sample(text, "host_state", label, host->policy.state == (enum host_state)i);
    }
    metrics_put_header(text, "host_state_seconds_total", METRIC_COUNTER,
                       "Time spent in each state.");
    for (int i = 0; i < HOST_STATE_MAX; i++) {
        g_autofree char *label =
            g_strdup_printf("{state=\"%s\"}", host_state_name((enum host_state)i));

        metrics_put_sample(text, "host_state_seconds_total", label,
                           (double)host->state_usec[i] / (double)USEC_PER_SEC);
    }
}

static void put_orders(GString *text, const struct host_status *host)
{
    metrics_put_header(text, "orders_total", METRIC_COUNTER,
                       "Balloon targets sent to guests, by reason.");
    for (int i = 0; i < REASON_MAX; i++) {
        g_autofree char *label = g_strdup_printf("{reason=\"%s\"}", reason_name((enum reason)i));

        /* Most reasons hold a guest where it is and never send anything. */
        if (host->orders.sent[i])
            metrics_put_sample(text, "orders_total", label, (double)host->orders.sent[i]);
    }
}

static void put_api(GString *text, const struct api_stats *api)
{
    metrics_put_header(text, "api_answers_total", METRIC_COUNTER,
                       "Answers of the API, by class of status.");
    for (int i = 2; i < API_STATUS_CLASSES; i++) {
        g_autofree char *label = g_strdup_printf("{class=\"%dxx\"}", i);

        metrics_put_sample(text, "api_answers_total", label, (double)api->answers[i]);
    }
    metrics_put_header(text, "api_connections", METRIC_GAUGE, "Open connections of the API.");
    metrics_put_sample(text, "api_connections", "", api->connections);
}

static void put_guests(GString *text, struct source *s, const struct guests *guests)
{
    g_autoptr(GPtrArray) sorted = guests_sorted(guests);

    for (size_t i = 0; i < G_N_ELEMENTS(guest_metrics); i++) {
        const struct metric *metric = &guest_metrics[i];

        metrics_put_header(text, metric->name, metric->type, metric->help);
        for (guint j = 0; j < sorted->len; j++) {
            g_autofree char *label = NULL;
            double value;

            s->guest = sorted->pdata[j];
            if (!s->guest->policy && !metric->always)
                continue;
            s->facts = vmm_guest_facts(s->guest->vmm);
            s->view = (struct guest_view){0};
            if (s->guest->policy)
                policy_guest_view(s->guest->policy, &s->view);
            value = metric->read(s);
            if (isnan(value))
                continue;
            label = metrics_label(s->guest->key, NULL);
            metrics_put_sample(text, metric->name, label, value);
        }
    }
}

char *metrics_text(const struct host_status *host, const struct config *config,
                   const struct daemon_status *daemon, const struct api_stats *api,
                   const struct guests *guests)
{
    GString *text = g_string_new(NULL);
    struct source s = {.host = host, .config = config, .daemon = daemon};

    put_info(text);
    for (size_t i = 0; i < G_N_ELEMENTS(host_metrics); i++) {
        metrics_put_header(text, host_metrics[i].name, host_metrics[i].type, host_metrics[i].help);
        metrics_put_sample(text, host_metrics[i].name, "", host_metrics[i].read(&s));
    }
    put_states(text, host);
    put_orders(text, host);
    put_api(text, api);
    put_guests(text, &s, guests);
    metrics_put_health(text, &host->policy, guests);
    metrics_put_pagers(text, guests);
    metrics_put_kernel_swap(text, guests);
    metrics_put_swap(text, &host->swap_pool);
    metrics_put_sharing(text, &host->sharing, guests);
    return g_string_free(text, FALSE);
}
