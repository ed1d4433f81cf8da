/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "daemon/overcommit.h"
#include "daemon/recorder.h"

static void add(struct recorder *r, uint64_t figure)
{
    struct event event = {.kind = EVENT_DECISION, .to = figure};
    g_autofree char *text = g_strdup_printf("figure %" G_GUINT64_FORMAT, figure);

    recorder_add(r, &event, "guest", text);
}

static void test_empty(void)
{
    struct recorder *r = recorder_new();

    g_assert_cmpuint(recorder_next(r), ==, 0);
    g_assert_cmpuint(recorder_oldest(r), ==, 0);
    g_assert_null(recorder_get(r, 0));
    g_assert_null(recorder_get(r, UINT64_MAX));
    recorder_free(r);
}

/* When the ring is full the oldest goes, and every event that is there is the one that was added.
 */
static void test_bound(void)
{
    struct recorder *r = recorder_new();
    const uint64_t n = RECORDER_EVENTS_MAX + 10;

    for (uint64_t i = 0; i < n; i++) {
        add(r, i);
        if (i < RECORDER_EVENTS_MAX)
            g_assert_cmpuint(recorder_oldest(r), ==, 0);
    }
    g_assert_cmpuint(recorder_next(r), ==, n);
    g_assert_cmpuint(recorder_oldest(r), ==, 10);
    g_assert_null(recorder_get(r, 9));
    g_assert_null(recorder_get(r, n));
    for (uint64_t seq = 10; seq < n; seq++) {
        const struct event *event = recorder_get(r, seq);
        g_autofree char *text = g_strdup_printf("figure %" G_GUINT64_FORMAT, seq);

        g_assert_cmpuint(event->seq, ==, seq);
        g_assert_cmpuint(event->to, ==, seq);
        g_assert_cmpstr(event->text, ==, text);
        g_assert_cmpstr(event->guest, ==, "guest");
    }
    recorder_free(r);
}

/* The ring keeps copies, and gives the time. */
static void test_copies(void)
{
    struct recorder *r = recorder_new();
    struct event event = {.kind = EVENT_CONFIG};
    char text[] = "before";
    gint64 before = g_get_real_time();

    recorder_add(r, &event, NULL, text);
    text[0] = 'X';
    g_assert_cmpstr(recorder_get(r, 0)->text, ==, "before");
    g_assert_null(recorder_get(r, 0)->guest);
    g_assert_cmpint(recorder_get(r, 0)->time, >=, before);
    g_assert_cmpint(recorder_get(r, 0)->time, <=, g_get_real_time());
    recorder_free(r);
}

/* GLib's own (g_assert_cmpfloat_with_epsilon) does not compile cleanly with clang. */
static void assert_near(double value, double expected)
{
    g_assert_cmpfloat(value, >, expected - 0.001);
    g_assert_cmpfloat(value, <, expected + 0.001);
}

static void test_overcommit(void)
{
    struct overcommit o = {0};
    usec_t now = 1000 * USEC_PER_SEC;

    overcommit_observe(&o, 200, 100, now);
    for (int i = 0; i < OVERCOMMIT_SPANS; i++)
        assert_near(o.average[i], 2);

    /* A minute of 2 and a minute of 3, in however many looks: the later one weighs more, the less
     * so the longer the span. */
    for (int i = 0; i < 120; i++) {
        now += USEC_PER_SEC;
        overcommit_observe(&o, i < 59 ? 200 : 300, 100, now);
    }
    assert_near(o.now, 3);
    assert_near(o.average[OVERCOMMIT_1M], 2.731);
    assert_near(o.average[OVERCOMMIT_5M], 2.550);
    assert_near(o.average[OVERCOMMIT_15M], 2.517);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recorder/empty", test_empty);
    g_test_add_func("/recorder/bound", test_bound);
    g_test_add_func("/recorder/copies", test_copies);
    g_test_add_func("/overcommit", test_overcommit);
    return g_test_run();
}
