/* SPDX-License-Identifier: Apache-2.0 */
/* Goals about the host's states and what each mechanism did in them. */
#include <glib.h>
#include <math.h>

#include "core/units.h"
#include "fixture.h"
#include "scenario/movement.h"
#include "scenario/states.h"

static struct host_sample *host(struct fixture *f, unsigned i)
{
    return &g_array_index(f->record->hosts, struct host_sample, i);
}

static struct guest_sample *guest(struct fixture *f, unsigned i, unsigned g)
{
    return &g_array_index(f->record->samples, struct guest_sample, i * f->record->guests + g);
}

/* As many samples as there are states, one a second. */
static void in_states(struct fixture *f, const char *const *states)
{
    for (unsigned i = 0; states[i]; i++) {
        fixture_add(f, 512, 100, 512, 100);
        host(f, i)->state = states[i];
    }
}

static void state_event(struct fixture *f, double time, const char *state)
{
    g_autofree char *text = g_strdup_printf(
        "{\"kind\": \"host-state\", \"time\": %.2f, \"state\": \"%s\"}", time, state);

    g_assert_true(record_add_event(f->record, json_tokener_parse(text)));
}

static void test_changes(struct fixture *f, const void *data)
{
    g_autoptr(GArray) states = NULL;

    (void)data;
    in_states(f, (const char *[]){"high", "high", "-", "soft", NULL});
    state_event(f, 1.2, "clear");
    state_event(f, 1.3, "high");
    state_event(f, 2.8, "soft");
    states = states_of(f->record);
    g_assert_cmpuint(states->len, ==, 4);
    g_assert_cmpint(states_get(states, 1)->state, ==, HOST_CLEAR);
    g_assert_cmpint(states_at(states, 1.25), ==, HOST_CLEAR);
    g_assert_cmpint(states_at(states, 2.9), ==, HOST_SOFT);
    g_assert_cmpint(states_at(states, -1), ==, HOST_STATE_MAX);
    g_assert_true(states_in_force(states, 1U << HOST_CLEAR, 1.25, 2));
    g_assert_false(states_in_force(states, 1U << HOST_CLEAR, 1.4, 3));
    g_assert_false(states_in_force(states, 1U << HOST_SOFT, 0, 2.7));
}

static void test_visits(struct fixture *f, const void *data)
{
    (void)data;
    in_states(f, (const char *[]){"high", "clear", "high", "soft", "low", "high", NULL});
    state_event(f, 3.4, "hard");
    fixture_expect(f, "visits", "high clear soft hard low high", true,
                   "all by 5.0 s, 6 changes in all");
    fixture_expect(f, "visits", "high low clear", false, "2 of 3, no clear after 4.0 s");
}

/* The kernel's swap moves 40 MiB in the third second, pagers 20 MiB in the sixth. */
static void test_only_in(struct fixture *f, const void *data)
{
    (void)data;
    in_states(f, (const char *[]){"high", "hard", "hard", "high", "high", "high", "high", NULL});
    f->record->period = 1;
    for (unsigned i = 0; i < 7; i++) {
        guest(f, i, 0)->kernel.out = i >= 3 ? 40 * MIB : 0;
        guest(f, i, 1)->pager.known = true;
        guest(f, i, 1)->pager.swapped_out = i >= 6 ? 20 * MIB : 0;
        guest(f, i, 1)->pager.compressed_out = i >= 2 ? 5 * MIB : 0;
    }
    fixture_expect(f, "acts.swap", "hard low", true, "40M");
    fixture_expect(f, "acts.swap.b", "hard low", false, "0");
    fixture_expect(f, "acts.compress.b", "hard", true, "5M");
    fixture_expect(f, "only-in.swap.a", "hard low", true, "40M, none elsewhere");
    fixture_expect(f, "only-in.swap", "hard low", false,
                   "40M, and 20M elsewhere, most of it in high at 6.0 s");
    fixture_expect(f, "only-in.block", "low", true, "0.0 s, none elsewhere");
}

static void test_mechanisms(struct fixture *f, const void *data)
{
    g_autoptr(GArray) balloon = NULL;

    (void)data;
    fixture_add(f, 512, 300, 512, 300);
    fixture_add(f, 500, 300, 512, 300);
    fixture_add(f, 480, 300, 512, 300);
    fixture_add(f, 512, 300, 512, 300);
    fixture_add(f, 512, 300, 512, 300);
    fixture_add(f, 512, 300, 500, 300);
    guest(f, 1, 1)->blocked.seconds = 0.25;
    guest(f, 3, 0)->saved = 30 * MIB;
    guest(f, 4, 0)->saved = 10 * MIB;
    g_assert_cmpfloat(movement_between(f->record, MEANS_BLOCK, 1, EVERY_GUEST), >, 0.2);
    g_assert_cmpfloat(movement_between(f->record, MEANS_SHARE, 3, 0) / (double)MIB, >, 29);
    g_assert_cmpfloat(movement_between(f->record, MEANS_SHARE, 4, 0), <=, 0);
    balloon = movement_stretches(f->record, MEANS_BALLOON);
    g_assert_cmpuint(balloon->len, ==, 2);

    const struct movement_stretch *first = &g_array_index(balloon, struct movement_stretch, 0);

    g_assert_cmpfloat(first->from, <, 0.1);
    g_assert_cmpfloat(first->to, >, 1.9);
    g_assert_cmpfloat(first->amount / (double)MIB, >, 31);
}

static void test_progress(struct fixture *f, const void *data)
{
    struct work_phase w = {.guest = 0, .begin = 1, .end = 8};
    const uint64_t done[] = {0, 0, 10, 20, 20, 20, 20, 30, 30, 30};

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(done); i++) {
        fixture_add(f, 512, 100, 512, 100);
        guest(f, i, 0)->report.operations = done[i];
    }
    fixture_expect(f, "progress", "10s", false, "not seen");
    g_array_append_val(f->record->work, w);
    fixture_expect(f, "progress", "4s", true, "4.0 s");
    fixture_expect(f, "progress.a", "3s", false, "4.0 s");
    fixture_expect(f, "progress.b", "3s", false, "not seen");
    guest(f, 5, 0)->report.owned = 4096; /* it grows meanwhile */
    fixture_expect(f, "progress.a", "3s", true, "2.0 s");
}

static void test_recovery(struct fixture *f, const void *data)
{
    (void)data;
    in_states(f, (const char *[]){"high", "low", "low", "hard", "high", "low", NULL});
    for (unsigned i = 0; i < 6; i++) {
        host(f, i)->minfree = 50 * MIB;
        host(f, i)->resident = (i == 4 ? 640 : 660) * MIB;
    }
    fixture_expect(f, "recovery", "2s after 2s", true, "2.0 s");
    fixture_expect(f, "recovery", "1s after 0s", true, "0.0 s");
    fixture_expect(f, "recovery", "1s after 5s", false, "never");
    fixture_expect(f, "back-below", "3s after 1s", true, "3.0 s");
    fixture_expect(f, "back-below", "9s after 4s", false, "never");
}

static void test_entitled(struct fixture *f, const void *data)
{
    (void)data;
    for (unsigned i = 0; i < 4; i++) {
        fixture_add(f, 512, i < 2 ? 500 : 205, 512, 90);
        guest(f, i, 0)->entitled = 200 * MIB;
        guest(f, i, 1)->entitled = 100 * MIB;
        guest(f, i, 1)->pager.cache = 5 * MIB;
    }
    fixture_expect(f, "entitled", "0.1 from 2s to 9s", true, "0.050, a 0.025, b 0.050");
    fixture_expect(f, "entitled.a", "0.1 from 0s to 9s", false, "0.762");
    fixture_expect(f, "entitled.b", "0.01 from 50s to 90s", false, "not seen");
}

static void test_blocked(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 100, 512, 100);
    guest(f, 0, 0)->blocked = (struct blocked_sample){.seconds = 0.9, .owed = 1};
    fixture_expect(f, "blocked-fair", "0.1", true, "0.000, guests were held for 0.9 s in all");
    guest(f, 0, 0)->blocked = (struct blocked_sample){.seconds = 21, .owed = 40};
    guest(f, 0, 1)->blocked = (struct blocked_sample){.seconds = 9, .owed = 20};
    fixture_expect(f, "blocked-fair", "0.1", true, "0.100, a 21.0 s of 20.0 s, b 9.0 s of 10.0 s");
    guest(f, 0, 1)->blocked.seconds = 0;
    fixture_expect(f, "blocked-fair", "0.1", false, "1.000, a 21.0 s of 14.0 s, b 0.0 s of 7.0 s");
}

static void test_merged(struct fixture *f, const void *data)
{
    (void)data;
    fixture_add(f, 512, 100, 512, 100);
    host(f, 0)->memory.ksm_rate = 5000;
    fixture_expect(f, "merged-part", "0.9 by 10s", false, "not seen");
    f->record->merged =
        (struct merged_look){.t = 41, .bytes = {.possible = 200 * MIB, .saved = 190 * MIB}};
    fixture_expect(f, "merged-part", "0.9 by 10s", true, "0.950 at 41 s, 190M of 200M");
    fixture_expect(f, "share-rate.final", "0", false, "5000");
}

static void refuse(const char *key, const char *value)
{
    g_autoptr(GError) error = NULL;
    struct goal goal;

    g_assert_false(goal_parse(key, value, &goal, &error));
    g_assert_nonnull(error);
}

static void test_refused(struct fixture *f, const void *data)
{
    (void)f;
    (void)data;
    refuse("visits", "high wide");
    refuse("visits.a", "high");
    refuse("only-in", "low");
    refuse("only-in.a", "low");
    refuse("only-in.swap.", "low");
    refuse("acts.swap", "");
    refuse("recovery", "3s");
}

#define ADD(name, function)                                                                        \
    g_test_add("/lab/states/" name, struct fixture, NULL, fixture_setup, function, fixture_teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("changes", test_changes);
    ADD("visits", test_visits);
    ADD("only-in", test_only_in);
    ADD("mechanisms", test_mechanisms);
    ADD("progress", test_progress);
    ADD("recovery", test_recovery);
    ADD("entitled", test_entitled);
    ADD("blocked", test_blocked);
    ADD("merged", test_merged);
    ADD("refused", test_refused);
    return g_test_run();
}
