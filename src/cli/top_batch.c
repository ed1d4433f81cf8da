/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_batch.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/top_sample.h"
#include "client/client.h"

/* What stands before the guest's columns: when it was, and how the host was. */
struct lead {
    const char *id, *header;
    int width;
    bool right;
};

enum lead_index {
    LEAD_TIME,
    LEAD_STATE,
    LEAD_FREE,
    LEAD_MAX,
};

static const struct lead LEADS[LEAD_MAX] = {
    [LEAD_TIME] = {"time", "TIME", 19, false},
    [LEAD_STATE] = {"host-state", "STATE", 5, false},
    [LEAD_FREE] = {"host-free", "FREE", 6, true},
};

static void end_line(GString *out)
{
    while (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
}

/* A cell is never cut here: a long name moves its line instead. */
static void text_cell(GString *out, const char *text, int width, bool right)
{
    g_autofree char *cell = text_fit(text, MAX((size_t)width, text_width(text)), right, "");

    g_string_append_printf(out, "%s  ", cell);
}

/* RFC 4180, in one line, and harmless. */
static void csv_cell(GString *out, const char *text)
{
    g_autofree char *clean = text_clean(text, false);
    g_auto(GStrv) parts = g_strsplit(clean, "\"", -1);
    g_autofree char *doubled = g_strjoinv("\"\"", parts);
    const char *quote = strpbrk(clean, ",\"") ? "\"" : "";

    g_string_append_printf(out, "%s%s%s", quote, doubled, quote);
}

static void append_header(GString *out, const struct batch *batch)
{
    for (size_t i = 0; i < LEAD_MAX; i++) {
        if (batch->format == BATCH_CSV)
            g_string_append_printf(out, "%s%s", i > 0 ? "," : "", LEADS[i].id);
        else
            text_cell(out, LEADS[i].header, LEADS[i].width, LEADS[i].right);
    }
    for (size_t i = 0; i < batch->column_count; i++) {
        const struct column *column = &COLUMNS[batch->columns[i]];

        if (batch->format == BATCH_CSV)
            g_string_append_printf(out, ",%s", column->id);
        else
            text_cell(out, column->header, column->width, !column_is_text(column));
    }
    end_line(out);
}

static void append_text_row(GString *out, const struct batch *batch,
                            const struct top_sample *sample, const struct guest_info *guest)
{
    g_autofree char *state = text_clean(text_or_dash(sample->host.state), false);
    char figure[TEXT_FIGURE_MAX];
    const char *leads[LEAD_MAX];
    char time[TEXT_FIGURE_MAX];

    leads[LEAD_TIME] = text_time(sample->time, time);
    leads[LEAD_STATE] = state;
    leads[LEAD_FREE] = text_size(sample->host.free, figure);
    for (size_t i = 0; i < LEAD_MAX; i++)
        text_cell(out, leads[i], LEADS[i].width, LEADS[i].right);
    for (size_t i = 0; i < batch->column_count; i++) {
        const struct column *column = &COLUMNS[batch->columns[i]];
        g_autofree char *cell = guest ? column_text(column, guest, false) : g_strdup("-");

        text_cell(out, cell, column->width, !column_is_text(column));
    }
    end_line(out);
}

static void append_csv_row(GString *out, const struct batch *batch, const struct top_sample *sample,
                           const struct guest_info *guest)
{
    g_string_append_printf(out, "%.3f,", sample->time);
    csv_cell(out, sample->host.state ? sample->host.state : "");
    g_string_append_c(out, ',');
    if (sample->host.free != UNKNOWN_U64)
        g_string_append_printf(out, "%" PRIu64, sample->host.free);
    for (size_t i = 0; i < batch->column_count; i++) {
        g_autofree char *cell =
            guest ? column_exact(&COLUMNS[batch->columns[i]], guest) : g_strdup("");

        g_string_append_c(out, ',');
        csv_cell(out, cell);
    }
    end_line(out);
}

/* A look at a host without guests is a line too. */
static void print_rows(const struct batch *batch, const struct top_sample *sample, bool header)
{
    struct top_order order = {batch->sort, batch->reverse, NULL};
    g_autoptr(GArray) rows = top_sample_order(sample, &order);
    g_autoptr(GString) out = g_string_new(NULL);

    if (header)
        append_header(out, batch);
    for (guint i = 0; i < MAX(rows->len, 1); i++) {
        const struct guest_info *guest =
            i < rows->len ? &sample->guests[g_array_index(rows, uint32_t, i)] : NULL;

        if (batch->format == BATCH_CSV)
            append_csv_row(out, batch, sample, guest);
        else
            append_text_row(out, batch, sample, guest);
    }
    cli_print(out->str);
}

/* The API's objects as they are. */
static void print_json(const struct top_sample *sample)
{
    autojson object = json_object_new_object();

    json_put_double(object, "time", sample->time);
    json_put_object(object, "host", json_object_get(sample->host_json));
    json_put_object(object, "guests",
                    json_object_get(json_get_array(sample->guests_json, "guests")));
    cli_print_json(object);
}

static struct top_sample *look(struct cli *cli, const struct top_sample *before, GError **error)
{
    autojson host = client_request(cli_client(cli), "GET", "/v1/host", NULL, error);
    struct json_object *guests;

    if (!host)
        return NULL;
    guests = client_request(cli_client(cli), "GET", "/v1/guests", NULL, error);
    if (!guests)
        return NULL;
    return top_sample_new(json_object_get(host), guests, before, g_get_monotonic_time(),
                          (double)g_get_real_time() / G_USEC_PER_SEC);
}

static void sleep_until(gint64 due)
{
    gint64 left = due - g_get_monotonic_time();

    if (left > 0)
        g_usleep((gulong)left);
}

enum exit_code batch_run(struct cli *cli, const struct batch *batch)
{
    gint64 start = g_get_monotonic_time();
    struct top_sample *before = NULL;
    enum exit_code code = EXIT_CODE_OK;
    bool away = false;

    for (uint64_t i = 0; batch->count == 0 || i < batch->count; i++) {
        g_autoptr(GError) error = NULL;
        struct top_sample *sample;

        sleep_until(start + (gint64)((double)i * batch->delay * G_USEC_PER_SEC));
        sample = look(cli, before, &error);
        if (sample) {
            if (batch->format == BATCH_JSON)
                print_json(sample);
            else
                print_rows(batch, sample, i == 0);
            top_sample_free(before);
            before = sample;
            code = EXIT_CODE_OK;
            away = false;
            continue;
        }
        if (!away)
            code = cli_failure(error);
        if (i == 0)
            break;
        away = true;
    }
    top_sample_free(before);
    return code;
}
