/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_sample.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/columns.h"

/* Nothing is known about a rate where one of the figures, or time itself, is missing. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
    if (before == UNKNOWN_U64 || now == UNKNOWN_U64 || seconds <= 0)
        return UNKNOWN_DOUBLE;
    return ((double)now - (double)before) / seconds;
}

static guint name_hash(const void *guest)
{
    return g_str_hash(text_or_dash(((const struct guest_info *)guest)->name));
}

static gboolean name_equal(const void *a, const void *b)
{
    return g_strcmp0(((const struct guest_info *)a)->name, ((const struct guest_info *)b)->name) ==
           0;
}

static void set_rates(struct top_sample *sample, const struct top_sample *before)
{
    g_autoptr(GHashTable) by_name = g_hash_table_new(name_hash, name_equal);
    double seconds = (double)(sample->monotonic - before->monotonic) / G_USEC_PER_SEC;

    for (size_t i = 0; i < before->count; i++)
        g_hash_table_add(by_name, &before->guests[i]);
    for (size_t i = 0; i < sample->count; i++) {
        struct guest_info *now = &sample->guests[i];
        const struct guest_info *then = g_hash_table_lookup(by_name, now);

        /* A guest that was started again in between has the name only. */
        if (!then || then->pid != now->pid)
            continue;
        now->resident_rate = rate(then->resident, now->resident, seconds);
        now->balloon_rate = rate(then->balloon, now->balloon, seconds);
    }
}

struct top_sample *top_sample_new(struct json_object *host, struct json_object *guests,
                                  const struct top_sample *before, int64_t monotonic, double time)
{
    struct top_sample *sample = g_new0(struct top_sample, 1);
    struct json_object *array = json_get_array(guests, "guests");

    sample->host_json = host;
    sample->guests_json = guests;
    sample->monotonic = monotonic;
    sample->time = time;
    host_info_read(&sample->host, host);
    sample->count = array ? json_object_array_length(array) : 0;
    sample->guests = g_new0(struct guest_info, sample->count);
    for (size_t i = 0; i < sample->count; i++)
        guest_info_read(&sample->guests[i], json_object_array_get_idx(array, i));
    if (before)
        set_rates(sample, before);
    return sample;
}

void top_sample_free(struct top_sample *sample)
{
    if (!sample)
        return;
    g_free(sample->guests);
    json_put_ref(&sample->host_json);
    json_put_ref(&sample->guests_json);
    g_free(sample);
}

struct comparison {
    const struct top_sample *sample;
    const struct top_order *order;
};

static int compare(const void *a, const void *b, void *data)
{
    const struct comparison *c = data;
    const struct guest_info *x = &c->sample->guests[*(const uint32_t *)a];
    const struct guest_info *y = &c->sample->guests[*(const uint32_t *)b];
    const struct column *column = &COLUMNS[c->order->column];
    int result = column_compare(column, x, y);

    if (!column_is_text(column))
        result = -result;
    if (c->order->reverse)
        result = -result;
    return result ? result : g_strcmp0(x->name, y->name);
}

GArray *top_sample_order(const struct top_sample *sample, const struct top_order *order)
{
    GArray *indexes = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), (guint)sample->count);
    struct comparison comparison = {sample, order};
    g_autofree char *wanted = order->filter ? g_utf8_casefold(order->filter, -1) : NULL;

    for (uint32_t i = 0; i < sample->count; i++) {
        const char *name = text_or_dash(sample->guests[i].name);
        g_autofree char *folded = wanted ? g_utf8_casefold(name, -1) : NULL;

        if (!wanted || strstr(folded, wanted))
            g_array_append_val(indexes, i);
    }
    g_array_sort_with_data(indexes, compare, &comparison);
    return indexes;
}
