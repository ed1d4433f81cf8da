/* SPDX-License-Identifier: Apache-2.0 */
/* The measures and the goals, on records made by hand: one sample a second. */
#include <glib.h>
#include <math.h>

#include "core/units.h"
#include "fixture.h"

static void test_moved(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 450, 512, 100);
    fixture_add(f, 400, 400, 512, 200);
    fixture_add(f, 250, 250, 512, 450);
    fixture_add(f, 450, 300, 300, 300);
    g_assert_cmpuint(measure_moved(f->record).inflated, ==, (262 + 212) * MIB);
    g_assert_cmpuint(measure_moved(f->record).deflated, ==, 200 * MIB);
}

/* The ideal of two that take turns, and what was really moved against it. */
static void test_ideal(struct fixture *f, const void *data)
{
    (void)data;
    f->record->outcomes[0].base = f->record->outcomes[1].base = 50 * MIB;
    fixture_phase(f, 0, "at 0 fill 400M");
    fixture_phase(f, 0, "at 2 free");
    fixture_phase(f, 1, "at 2 fill 400M");
    fixture_add(f, 512, 450, 512, 100);
    fixture_add(f, 512, 450, 512, 100);
    fixture_add(f, 512, 450, 512, 100);
    fixture_add(f, 200, 200, 512, 450);
    g_assert_cmpuint(measure_need(f->record, 0, 1), ==, 450 * MIB);
    g_assert_cmpuint(measure_need(f->record, 0, 2), ==, 50 * MIB);
    g_assert_cmpuint(measure_ideal(f->record), ==, 262 * MIB);
    fixture_expect(f, "moved-ratio", "1.5", true, "1.191");
    fixture_expect(f, "moved-ratio", "1.1", false, "1.191");
}

/* Cold page cache is needed by nobody, but it has to be moved out of the way. */
static void test_ideal_cache(struct fixture *f, const void *data)
{
    (void)data;
    f->record->outcomes[0].base = f->record->outcomes[1].base = 50 * MIB;
    fixture_phase(f, 0, "at 0 stream 350M");
    fixture_phase(f, 1, "at 2 fill 400M");
    for (int i = 0; i < 3; i++)
        fixture_add(f, 512, 60, 512, 60);
    g_assert_cmpuint(measure_need(f->record, 0, 2), ==, 50 * MIB);
    /* 400 + 450 held, 700 there are: the reader is lowered from 512 to 250. */
    g_assert_cmpuint(measure_ideal(f->record), ==, 262 * MIB);
}

static void test_relief(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 400, 512, 100)[0].starving = true; /* not ballooned: its own affair */
    fixture_add(f, 300, 300, 512, 100);
    fixture_expect(f, "relief.a", "2", false, "not seen");
    fixture_add(f, 300, 300, 512, 100)[0].starving = true;
    fixture_add(f, 290, 290, 512, 100)[0].starving = true;
    fixture_expect(f, "relief.a", "2", false, "never");
    fixture_add(f, 290, 290, 512, 100);
    fixture_add(f, 300, 300, 512, 100);
    fixture_expect(f, "relief.a", "2", true, "1.50 periods");
    fixture_expect(f, "relief.a", "1", false, "1.50 periods");
}

static void test_relief_before_distress(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 400, 512, 100);
    fixture_add(f, 300, 300, 512, 100);
    fixture_expect(f, "relief.a", "2", false, "not seen");
    fixture_add(f, 400, 300, 512, 100);
    fixture_expect(f, "relief.a", "2", true, "0.00 periods");
}

static void test_over_capacity(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 300, 512, 300);
    fixture_expect(f, "over-capacity", "0", true, "0");
    fixture_add(f, 512, 400, 512, 350);
    fixture_add(f, 512, 400, 512, 310);
    fixture_add(f, 512, 300, 512, 310);
    fixture_expect(f, "over-capacity", "49M", false, "50M");
    fixture_expect(f, "over-capacity", "50M", true, "50M");
    fixture_expect(f, "over-capacity-seconds", "1.5s", false, "2.0 s");
}

static void test_back_at_full(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 300, 512, 300);
    fixture_add(f, 300, 300, 512, 300);
    fixture_add(f, 400, 300, 512, 300);
    fixture_expect(f, "back-at-full.a", "9s after 1s", false, "never");
    fixture_add(f, 510, 300, 512, 300);
    fixture_add(f, 512, 300, 512, 300);
    fixture_expect(f, "back-at-full.a", "2s after 1s", true, "2.0 s");
    f->record->outcomes[0].driver_seconds = 0.75;
    fixture_expect(f, "back-at-full.a", "1s after 1s", false, "2.0 s, its driver alone 0.8 s");
}

static void test_split(struct fixture *f, const void *data)
{
    (void)data;
    f->guests[0].shares = g_strdup("400");
    f->guests[1].shares = g_strdup("300");
    for (int i = 0; i < 3; i++)
        fixture_add(f, 400, 400, 300, 300);
    fixture_expect(f, "split-by-shares", "0.01 from 0s to 3s", true, "0.000");
    for (int i = 0; i < 3; i++)
        fixture_add(f, 440, 440, 260, 260);
    fixture_expect(f, "split-by-shares", "0.1 from 3s to 9s", false, "0.133");
    g_clear_pointer(&f->guests[0].shares, g_free);
    g_clear_pointer(&f->guests[1].shares, g_free);
}

/* A target that is sent again without having been reached counts; one that was reached does not. */
static void test_resends(struct fixture *f, const void *data)
{
    (void)data;
    for (int i = 0; i < 10; i++)
        fixture_add(f, i == 6 ? 300 : 400, 300, 512, 100);
    fixture_event(f, "a", 1, 200);
    fixture_event(f, "b", 1, 200);
    fixture_event(f, "a", 2, 200);
    fixture_event(f, "a", 3, 200);
    fixture_event(f, "a", 5, 300);
    fixture_event(f, "a", 8, 300);
    fixture_expect(f, "target-resends.a", "1", false, "2");
    fixture_expect(f, "target-resends.b", "0", true, "0");
    fixture_expect(f, "target-resends", "2", true, "2");
}

static void test_relative(struct fixture *f, const void *data)
{
    struct work_phase w = {
        .guest = 0, .begin = 10, .end = 20, .operations_after = 800, .alone_rate = 100};

    (void)data;
    fixture_add(f, 512, 400, 512, 100);
    fixture_expect(f, "relative.a", "0.5", false, "not seen");
    g_array_append_val(f->record->work, w);
    fixture_expect(f, "relative.a", "0.8", true, "0.800");
    fixture_expect(f, "relative.a", "0.9", false, "0.800");
}

static void test_counts(struct fixture *f, const void *data)
{
    struct guest_sample *last;

    (void)data;
    fixture_add(f, 512, 400, 400, 100);
    last = fixture_add(f, 512, 300, 512, 180);
    last[0].report.wrong_pages = 1;
    last[1].report.oom_kill = 2;
    last[1].report.owned = 100 * MIB;
    last[1].driver = "absent";
    last[0].trust = "refuted";
    f->record->outcomes[0].panicked = true;
    fixture_expect(f, "wrong-pages", "0", false, "1");
    fixture_expect(f, "wrong-pages.b", "0", true, "0");
    fixture_expect(f, "oom-kills", "1", false, "2");
    fixture_expect(f, "panics", "0", false, "1");
    fixture_expect(f, "guests-alive", "2", false, "1");
    fixture_expect(f, "reached.b", "100M by 0.5s", false, "0");
    fixture_expect(f, "reached.b", "100M by 1s", true, "100M");
    fixture_expect(f, "reached.b/early", "100M from 0s to 0.5s", false, "0");
    fixture_expect(f, "reached.b/late", "100M from 0.5s to 2s", true, "100M");
    fixture_expect(f, "granted.b", "450M from 1s to 2s", true, "512M");
    fixture_expect(f, "granted.b", "450M from 0s to 2s", false, "400M");
    fixture_expect(f, "no-inflate.b", "0", false, "112M");
    fixture_expect(f, "no-inflate.a", "0", true, "0");
    fixture_expect(f, "driver.b", "absent", true, "absent");
    fixture_expect(f, "distrusted.a", "1s", false, "0.0 s");
    fixture_add(f, 512, 300, 512, 180);
    fixture_expect(f, "distrusted.a", "1s", true, "1.0 s");
    fixture_expect(f, "distrusted.b", "1s", false, "0.0 s");
    fixture_expect(f, "state.final", "low", false, "high");
    fixture_expect(f, "yields.a", "80M to b", true, "80M");
    fixture_expect(f, "yields.a", "81M to b", false, "80M");
}

static void test_bounded(struct fixture *f, const void *data)
{
    const struct host_sample host = {.state = "high"};
    const struct guest_sample guests[2] = {0};

    (void)data;
    for (unsigned i = 0; i < RECORD_SAMPLES_MAX; i++)
        g_assert_true(record_add(f->record, &host, guests));
    g_assert_false(record_add(f->record, &host, guests));
    for (unsigned i = 0; i < RECORD_EVENTS_MAX; i++)
        g_assert_true(record_add_event(f->record, NULL));
    g_assert_false(record_add_event(f->record, NULL));
}

#define ADD(name, function)                                                                        \
    g_test_add("/measure/" name, struct fixture, NULL, fixture_setup, function, fixture_teardown)

/* Figures of pagers: most out and least resident in a window, counts as last seen. */
static void test_pager(struct fixture *f, const void *data)
{
    static const struct pager_sample samples[] = {
        {.known = true, .zero = 10 * MIB, .evicted = 10 * MIB},
        {.known = true,
         .compressed = 20 * MIB,
         .swapped = 180 * MIB,
         .evicted = 210 * MIB,
         .takeovers = 2,
         .held_pages = 3},
        {.known = true, .swapped = 50 * MIB, .evicted = 300 * MIB, .takeovers = 3},
        {.known = false}, /* the guest's map is gone */
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
        struct guest_sample *guests = fixture_add(f, 512, 400 - 100 * i, 512, 100);

        guests[0].pager = samples[i];
        guests[0].report.operations = 1000 * i;
    }
    fixture_expect(f, "out.a", "200M by 9s", true, "200M");
    fixture_expect(f, "out.a/late", "60M from 2s to 9s", false, "50M");
    fixture_expect(f, "out.b", "1M by 9s", false, "0");
    fixture_expect(f, "squeezed.a", "100M by 9s", true, "100M");
    fixture_expect(f, "squeezed.a", "250M by 1s", false, "300M");
    fixture_expect(f, "resident.a", "300M from 1s to 9s", true, "300M");
    fixture_expect(f, "resident.a", "301M from 1s to 9s", false, "300M");
    fixture_expect(f, "takeovers", "3", true, "3");
    fixture_expect(f, "takeovers.b", "1", false, "0");
    fixture_expect(f, "evicted.a", "300M", true, "300M");
    fixture_expect(f, "evicted", "301M", false, "300M");
    fixture_expect(f, "held-pages", "0", false, "3");
    fixture_expect(f, "held-pages.b", "0", true, "0");
    fixture_expect(f, "touches", "3000", true, "3000");
    fixture_expect(f, "touches.b", "1", false, "0");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("moved", test_moved);
    ADD("ideal", test_ideal);
    ADD("ideal-cache", test_ideal_cache);
    ADD("relief", test_relief);
    ADD("relief-before-distress", test_relief_before_distress);
    ADD("over-capacity", test_over_capacity);
    ADD("back-at-full", test_back_at_full);
    ADD("split", test_split);
    ADD("resends", test_resends);
    ADD("relative", test_relative);
    ADD("counts", test_counts);
    ADD("bounded", test_bounded);
    ADD("pager", test_pager);
    return g_test_run();
}
