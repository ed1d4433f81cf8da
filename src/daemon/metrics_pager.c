/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A figure is one row of the table, some with one sample for each of its labels. The latencies of
 * faults are a histogram, made from the one that is in the page map (map.h): its buckets are finer,
 * and their upper ends coincide at powers of four. It does not say how long all faults took
 * together; the sum is that of the buckets' middles, right within a tenth.
 */
#include "daemon/metrics_pager.h"

#include <math.h>

#include "daemon/metrics_put.h"
#include "daemon/pagers.h"

#define BUCKETS_PER_POWER_OF_4 8
#define HISTOGRAM_BUCKETS      (LATENCY_BUCKETS / BUCKETS_PER_POWER_OF_4)
#define FAULTS                 "guest_pager_fault_seconds"

/* One guest with what is shown of it. */
struct subject {
    const struct guest *guest;
    struct pager_view view;
};

struct metric {
    const char *name;
    enum metric_type type;
    const char *help;
    double (*read)(const struct pager_view *v, int i); /* NAN: not known, left out */
    const char *label;                                 /* NULL: one sample */
    const char *(*value)(int i);                       /* of the label */
    int first, end;                                    /* of i */
    bool always; /* given before the pager's map is known, too */
};

#define READ(function, expression)                                                                 \
    static double function(const struct pager_view *v, int i)                                      \
    {                                                                                              \
        (void)i;                                                                                   \
        return (double)(expression);                                                               \
    }

READ(serving, v->standing == PAGER_SERVES)
READ(refused, v->standing == PAGER_REFUSED)
READ(parked, v->parked)
READ(stopped, v->stopped)
READ(bytes, v->bytes[i])
READ(cache_payload, v->cache_payload)
READ(cache_bytes, v->cache_bytes)
READ(cache_limit, v->cache_limit)
READ(swap_size, v->swap_size)
READ(swap_used, v->swap_used)
READ(allowed, v->allowed == UINT64_MAX ? (double)NAN : (double)v->allowed)
READ(own, v->memory)
READ(evicted, v->evicted[i])
READ(loaded, v->loaded[i])
READ(read_ahead, v->read_ahead)
READ(discarded, v->discarded)
READ(written, v->bytes_written)
READ(reads, v->bytes_read)
READ(races, v->eviction_races)
READ(errors, v->io_errors)
READ(held, (double)v->held / (double)PAGE_BYTES)
READ(takeovers, v->takeovers)
READ(sampled, v->sampled)
READ(touched, v->touched)
READ(sampling, (double)v->sampling_cpu / (double)USEC_PER_SEC)
READ(working_set, v->working_set[i] == UINT64_MAX ? (double)NAN : (double)v->working_set[i])

static const char *state_label(int i)
{
    return page_state_name((enum page_state)i);
}

static const char *window_label(int i)
{
    static const char *const names[WORKING_SET_MAX] = {"1s", "10s", "1min", "10min"};

    return names[i];
}

#define ALL_STATES  "state", state_label, PAGE_ABSENT, PAGE_STATE_MAX
#define OUT_STATES  "state", state_label, PAGE_ZERO, PAGE_STATE_MAX
#define ALL_WINDOWS "window", window_label, 0, WORKING_SET_MAX
#define ONE         NULL, NULL, 0, 1

/* clang-format off */
static const struct metric metrics[] = {
    {"guest_pager_serving", METRIC_GAUGE, "1 where the guest's pager serves.", serving, ONE, true},
    {"guest_pager_refused", METRIC_GAUGE, "1 where the guest can't have a pager.", refused, ONE, true},
    {"guest_pager_parked", METRIC_GAUGE, "1 where the guest was parked.", parked, ONE, false},
    {"guest_pager_stopped", METRIC_GAUGE, "1 where the guest was stopped because a page can't be read back.", stopped, ONE, false},
    {"guest_pager_bytes", METRIC_GAUGE, "The guest's memory by where it is.", bytes, ALL_STATES, false},
    {"guest_pager_cache_payload_bytes", METRIC_GAUGE, "What the pages in the compression cache take there.", cache_payload, ONE, false},
    {"guest_pager_cache_bytes", METRIC_GAUGE, "Memory of the compression cache.", cache_bytes, ONE, false},
    {"guest_pager_cache_limit_bytes", METRIC_GAUGE, "What the compression cache may occupy.", cache_limit, ONE, false},
    {"guest_pager_swap_size_bytes", METRIC_GAUGE, "Size of the swap file.", swap_size, ONE, false},
    {"guest_pager_swap_used_bytes", METRIC_GAUGE, "Slots of the swap file that are taken.", swap_used, ONE, false},
    {"guest_pager_allowed_bytes", METRIC_GAUGE, "What the guest may occupy; absent: anything.", allowed, ONE, false},
    {"guest_pager_own_bytes", METRIC_GAUGE, "Memory of the pager itself and of its map.", own, ONE, false},
    {"guest_pager_evicted_bytes_total", METRIC_COUNTER, "Memory put out, by where to.", evicted, OUT_STATES, false},
    {"guest_pager_loaded_bytes_total", METRIC_COUNTER, "Memory brought back, by where from.", loaded, OUT_STATES, false},
    {"guest_pager_read_ahead_bytes_total", METRIC_COUNTER, "Memory brought back that was not asked for.", read_ahead, ONE, false},
    {"guest_pager_discarded_bytes_total", METRIC_COUNTER, "Memory that the guest gave back.", discarded, ONE, false},
    {"guest_pager_written_bytes_total", METRIC_COUNTER, "Written to the swap file.", written, ONE, false},
    {"guest_pager_read_bytes_total", METRIC_COUNTER, "Read from the swap file.", reads, ONE, false},
    {"guest_pager_eviction_races_total", METRIC_COUNTER, "Evictions that a write of the guest overtook.", races, ONE, false},
    {"guest_pager_io_errors_total", METRIC_COUNTER, "Reads and writes of the swap file that failed.", errors, ONE, false},
    {"guest_pager_held_pages", METRIC_GAUGE, "Pages that can't be read back now.", held, ONE, false},
    {"guest_pager_takeovers_total", METRIC_COUNTER, "Pagers that took over from one that died.", takeovers, ONE, false},
    {"guest_pager_sampled_pages_total", METRIC_COUNTER, "Pages that were sampled.", sampled, ONE, false},
    {"guest_pager_touched_pages_total", METRIC_COUNTER, "Sampled pages that were touched within their window.", touched, ONE, false},
    {"guest_pager_sampling_seconds_total", METRIC_COUNTER, "Processor time spent on sampling.", sampling, ONE, false},
    {"guest_pager_working_set_bytes", METRIC_GAUGE, "Memory touched within a window of this length.", working_set, ALL_WINDOWS, false},
};
/* clang-format on */

static void put_metric(GString *text, const struct metric *m, const GArray *subjects)
{
    metrics_put_header(text, m->name, m->type, m->help);
    for (guint j = 0; j < subjects->len; j++) {
        const struct subject *s = &g_array_index(subjects, struct subject, j);

        if (!s->view.known && !m->always)
            continue;
        for (int i = m->first; i < m->end; i++) {
            double value = m->read(&s->view, i);
            g_autofree char *more =
                m->label ? g_strdup_printf("%s=\"%s\"", m->label, m->value(i)) : NULL;
            g_autofree char *label = metrics_label(s->guest->key, more);

            if (!isnan(value))
                metrics_put_sample(text, m->name, label, value);
        }
    }
}

static void put_bucket(GString *text, const char *guest, const char *kind, const char *le,
                       double value)
{
    g_autofree char *more = g_strdup_printf("kind=\"%s\",le=\"%s\"", kind, le);
    g_autofree char *label = metrics_label(guest, more);

    metrics_put_sample(text, FAULTS "_bucket", label, value);
}

static void put_histogram(GString *text, const char *guest, enum fault_kind kind,
                          const COUNTER *latency)
{
    const char *name = fault_kind_name(kind);
    g_autofree char *more = g_strdup_printf("kind=\"%s\"", name);
    g_autofree char *label = metrics_label(guest, more);
    double count = 0, sum = 0;

    for (int i = 0; i < LATENCY_BUCKETS; i++) {
        double n = (double)atomic_load_explicit(&latency[i], memory_order_relaxed);
        char le[G_ASCII_DTOSTR_BUF_SIZE];

        count += n;
        sum += n * exp2((i + 0.5) / 4) / (double)USEC_PER_SEC;
        if ((i + 1) % BUCKETS_PER_POWER_OF_4 != 0 || i + 1 == LATENCY_BUCKETS)
            continue; /* the last one has no upper end */
        g_ascii_formatd(le, sizeof(le), "%.6f", exp2((i + 1) / 4.0) / (double)USEC_PER_SEC);
        put_bucket(text, guest, name, le, count);
    }
    put_bucket(text, guest, name, "+Inf", count);
    metrics_put_sample(text, FAULTS "_sum", label, sum);
    metrics_put_sample(text, FAULTS "_count", label, count);
}

static void put_faults(GString *text, const GArray *subjects)
{
    metrics_put_header(text, FAULTS, METRIC_HISTOGRAM,
                       "How long the guest waited for a page, by where it was (sum: estimated).");
    for (guint j = 0; j < subjects->len; j++) {
        const struct guest *guest = g_array_index(subjects, struct subject, j).guest;

        for (int i = 0; i < FAULT_KIND_MAX; i++) {
            const COUNTER *latency = pagers_latency(guest, (enum fault_kind)i);

            if (latency)
                put_histogram(text, guest->key, (enum fault_kind)i, latency);
        }
    }
}

void metrics_put_pagers(GString *text, const struct guests *guests)
{
    g_autoptr(GPtrArray) sorted = guests_sorted(guests);
    g_autoptr(GArray) subjects = g_array_new(FALSE, TRUE, sizeof(struct subject));

    for (guint i = 0; i < sorted->len; i++) {
        struct subject s = {.guest = sorted->pdata[i]};

        if (pagers_view(s.guest, &s.view))
            g_array_append_val(subjects, s);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(metrics); i++)
        put_metric(text, &metrics[i], subjects);
    put_faults(text, subjects);
}
