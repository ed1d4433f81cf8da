/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "core/units.h"

void fixture_setup(struct fixture *f, const void *data)
{
    (void)data;
    f->scenario.capacity = 700 * MIB;
    f->scenario.guests = g_ptr_array_new();
    f->scenario.phases = g_array_new(FALSE, FALSE, sizeof(struct phase));
    f->scenario.settings = g_ptr_array_new();
    f->scenario.goals = g_array_new(FALSE, FALSE, sizeof(struct goal));
    for (int g = 0; g < 2; g++) {
        f->guests[g].name = g_strdup(g ? "b" : "a");
        f->guests[g].size = 512 * MIB;
        f->guests[g].phases = g_array_new(FALSE, FALSE, sizeof(struct phase));
        g_ptr_array_add(f->scenario.guests, &f->guests[g]);
    }
    f->record = record_new(&f->scenario);
    f->record->period = 2;
}

void fixture_teardown(struct fixture *f, const void *data)
{
    (void)data;
    record_free(f->record);
    for (int g = 0; g < 2; g++) {
        g_free(f->guests[g].name);
        g_array_unref(f->guests[g].phases);
    }
    g_ptr_array_unref(f->scenario.guests);
    g_array_unref(f->scenario.phases);
    g_ptr_array_unref(f->scenario.settings);
    g_array_unref(f->scenario.goals);
}

struct guest_sample *fixture_add(struct fixture *f, uint64_t granted_a, uint64_t resident_a,
                                 uint64_t granted_b, uint64_t resident_b)
{
    struct host_sample host = {.t = f->record->hosts->len,
                               .managed = true,
                               .state = "high",
                               .capacity = 700 * MIB,
                               .resident = (resident_a + resident_b) * MIB};
    struct guest_sample guests[2] = {
        {.granted = granted_a * MIB, .resident = resident_a * MIB},
        {.granted = granted_b * MIB, .resident = resident_b * MIB},
    };

    for (int g = 0; g < 2; g++) {
        guests[g].alive = guests[g].known = true;
        guests[g].size = 512 * MIB;
        guests[g].driver = guests[g].trust = guests[g].reason = guests[g].link = "-";
    }
    g_assert_true(record_add(f->record, &host, guests));
    return &g_array_index(f->record->samples, struct guest_sample, f->record->samples->len - 2);
}

void fixture_event(struct fixture *f, const char *guest, double time, uint64_t to_mib)
{
    g_autofree char *text =
        g_strdup_printf("{\"kind\": \"decision\", \"guest\": \"%s\", \"time\": %.1f, "
                        "\"enacted\": true, \"to\": %" G_GUINT64_FORMAT "}",
                        guest, time, (guint64)(to_mib * MIB));

    g_assert_true(record_add_event(f->record, json_tokener_parse(text)));
}

void fixture_phase(struct fixture *f, unsigned guest, const char *line)
{
    struct phase phase;

    g_assert_true(phase_parse(line, false, &phase, NULL));
    g_array_append_val(f->guests[guest].phases, phase);
}

void fixture_expect(struct fixture *f, const char *key, const char *limit, bool met,
                    const char *value)
{
    struct goal goal;
    struct judgement j = {0};

    g_assert_true(goal_parse(key, limit, &goal, NULL));
    judge(f->record, &goal, &j);
    g_assert_cmpstr(j.value, ==, value);
    g_assert_cmpint(j.met, ==, met);
    judgement_clear(&j);
    goal_clear(&goal);
}
