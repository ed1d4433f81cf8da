/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy does with a host's guests, one behaviour each. */
#include <glib.h>
#include <string.h>

#include "model.h"

static enum host_state state_of(const struct model *m)
{
    struct host_view view;

    policy_host_view(m->policy, &view);
    return view.state;
}

static uint64_t resident_of(const struct model *m)
{
    struct host_view view;

    policy_host_view(m->policy, &view);
    return view.resident;
}

/* A guest that has used all its memory once and freed it again. */
static struct model_guest *add_spent(struct model *m, uint64_t size)
{
    struct model_guest *g = model_add(m, size);

    g->demand = size - 100 * MIB;
    model_run(m, 20);
    g->demand = 40 * MIB;
    return g;
}

static void test_nobody_is_ballooned_while_there_is_plenty(void)
{
    struct model m;

    model_init(&m, 4 * GIB);
    struct model_guest *a = add_spent(&m, GIB), *b = model_add(&m, GIB);
    b->settings.shares = 1;
    model_run(&m, 60);
    g_assert_cmpint(state_of(&m), ==, HOST_HIGH);
    g_assert_cmpuint(a->targets_sent + b->targets_sent, ==, 0);
    model_deinit(&m);
}

static void test_idle_gives_to_busy(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *spent = add_spent(&m, 512 * MIB), *busy = model_add(&m, 512 * MIB);
    struct model_guest *idle = model_add(&m, 512 * MIB);
    busy->demand = 400 * MIB;
    model_run(&m, 30);
    g_assert_cmpuint(busy->used, ==, 400 * MIB);
    g_assert_cmpuint(spent->actual, <, 400 * MIB);
    g_assert_cmpuint(idle->actual, ==, 512 * MIB); /* holds less than it is entitled to */
    g_assert_cmpuint(resident_of(&m), <=, 900 * MIB);
    g_assert_cmpint(state_of(&m), ==, HOST_HIGH);
    g_assert_cmpuint(m.inflations_in_high, ==, 0);
    g_assert_cmpint(spent->view.driver, ==, DRIVER_WORKING); /* within a page of it is there */
    model_deinit(&m);
}

static void test_memory_comes_back_in_one_decision(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *spent = add_spent(&m, 512 * MIB), *busy = model_add(&m, 512 * MIB);
    busy->demand = 450 * MIB;
    model_run(&m, 30);
    g_assert_cmpuint(spent->actual, <, 512 * MIB);
    model_end(&m, busy);
    model_run(&m, m.period + 1);
    g_assert_cmpuint(spent->actual, ==, 512 * MIB);
    model_deinit(&m);
}

static void test_shares_split_when_everybody_is_hungry(void)
{
    struct model m;
    struct model_guest *guests[3];

    model_init(&m, 900 * MIB);
    for (unsigned i = 0; i < 3; i++) {
        guests[i] = model_add(&m, 512 * MIB);
        guests[i]->settings.shares = 4u >> i;
        guests[i]->swap_size = GIB;
        guests[i]->demand = 480 * MIB;
    }
    model_run(&m, 180);
    /* 4:2:1 with the third at the balloon's cap of 65 %. */
    uint64_t cap = 512 * MIB - (uint64_t)(0.65 * 512 * MIB);
    struct host_view view;
    policy_host_view(m.policy, &view);
    uint64_t rest = view.available - cap;
    g_assert_cmpuint(guests[2]->actual, <=, cap * 11 / 10);
    g_assert_cmpuint(guests[0]->resident, >=, rest * 2 / 3 * 9 / 10);
    g_assert_cmpuint(guests[1]->resident, >=, rest / 3 * 9 / 10);
    g_assert_cmpuint(guests[1]->resident, <=, rest / 3 * 11 / 10);
    model_deinit(&m);
}

static void test_distress_is_relieved_in_the_same_second(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *big = add_spent(&m, 768 * MIB), *small = add_spent(&m, 256 * MIB);
    m.host.capacity = 400 * MIB; /* both are squeezed */
    model_run(&m, 40);
    uint64_t before = small->actual;
    (void)big;
    g_assert_cmpuint(before, <, 256 * MIB);
    m.period = 3600; /* only what is urgent is decided now */
    small->demand = 200 * MIB;
    model_run(&m, 2); /* it is seen in the first, and has memory in the second */
    g_assert_cmpuint(small->actual, >, before);
    g_assert_cmpint(small->view.verdict.reason, ==, REASON_DISTRESS);
    model_deinit(&m);
}

static void test_what_a_guest_without_driver_holds_others_give(void)
{
    struct model m;

    model_init(&m, 760 * MIB);
    struct model_guest *deaf = model_add(&m, 512 * MIB);
    deaf->driver = MODEL_DRIVER_ABSENT;
    struct model_guest *other = add_spent(&m, 512 * MIB);
    deaf->demand = 460 * MIB;
    model_run(&m, 60);
    g_assert_cmpint(deaf->view.driver, ==, DRIVER_ABSENT);
    g_assert_cmpuint(deaf->actual, ==, 512 * MIB);
    g_assert_cmpuint(other->actual, <, 400 * MIB);
    g_assert_cmpint(state_of(&m), ==, HOST_HIGH);
    model_deinit(&m);
}

static void test_no_driver_from_the_start_is_absent(void)
{
    struct model m;

    model_init(&m, 500 * MIB);
    struct model_guest *deaf = model_add(&m, 512 * MIB);
    deaf->driver = MODEL_DRIVER_ABSENT;
    deaf->demand = 480 * MIB;
    model_run(&m, 3600);
    g_assert_cmpint(deaf->view.driver, ==, DRIVER_ABSENT);
    /* 10 s, 20 s, 40 s, ... 10 min: a probe and its taking back each. */
    g_assert_cmpuint(deaf->targets_sent, <=, 2 * 14);
    g_assert_cmpuint(deaf->target, >=, deaf->actual - 32 * MIB);
    model_deinit(&m);
}

static void test_device_without_use_is_not_asked(void)
{
    struct model m;

    model_init(&m, 400 * MIB);
    struct model_guest *g = model_add(&m, 512 * MIB);
    g->driver = MODEL_NO_DEVICE;
    g->demand = 400 * MIB;
    model_run(&m, 60);
    g_assert_cmpint(g->view.verdict.reason, ==, REASON_NO_DRIVER);
    g_assert_cmpuint(g->targets_sent, ==, 0);
    model_deinit(&m);
}

static void test_ignored_target_is_taken_back(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *deaf = model_add(&m, 512 * MIB);
    deaf->driver = MODEL_DRIVER_DEAF;
    deaf->demand = 412 * MIB;
    model_run(&m, 10);
    deaf->demand = 40 * MIB;
    struct model_guest *other = add_spent(&m, 512 * MIB);
    m.host.capacity = 760 * MIB;
    model_run(&m, 600);
    g_assert_cmpuint(deaf->targets_sent, <=, 16);
    g_assert_cmpuint(deaf->target, >=, deaf->actual);
    g_assert_cmpuint(other->actual, <, 512 * MIB);
    model_deinit(&m);
}

static void test_claim_of_idleness_is_refuted_by_the_balloon(void)
{
    struct model m;

    model_init(&m, 700 * MIB);
    struct model_guest *liar = model_add(&m, 512 * MIB), *honest = model_add(&m, 512 * MIB);
    liar->demand = 400 * MIB;
    liar->stats = MODEL_STATS_LIE_IDLE;
    model_run(&m, 20);
    honest->demand = 300 * MIB;
    model_run(&m, 30);
    g_assert_cmpint(liar->view.trust, ==, STATS_REFUTED);
    g_assert_cmpuint(liar->used, >=, 390 * MIB); /* could not be taken */
    g_assert_cmpuint(liar->targets_sent, <=, 12);
    model_deinit(&m);
}

static void test_claim_of_hunger_gets_no_more_than_its_share(void)
{
    struct model m;

    model_init(&m, 700 * MIB);
    struct model_guest *liar = model_add(&m, 512 * MIB), *honest = model_add(&m, 512 * MIB);
    liar->demand = honest->demand = 450 * MIB;
    honest->swap_size = liar->swap_size = GIB;
    liar->stats = MODEL_STATS_LIE_HUNGRY;
    model_run(&m, 120);
    g_assert_cmpuint(honest->actual, >=, 300 * MIB);
    model_deinit(&m);
}

static void test_claim_of_hunger_is_refuted_by_untouched_memory(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *liar = model_add(&m, 512 * MIB), *spent = add_spent(&m, 512 * MIB);
    liar->stats = MODEL_STATS_LIE_HUNGRY;
    model_run(&m, 30);
    g_assert_cmpint(liar->view.trust, ==, STATS_REFUTED);
    g_assert_cmpuint(spent->actual, ==, 512 * MIB);
    model_deinit(&m);
}

static void test_absurd_statistics_are_not_believed(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *g = model_add(&m, 512 * MIB);
    g->stats = MODEL_STATS_ABSURD;
    model_run(&m, 10);
    g_assert_cmpint(g->view.trust, ==, STATS_ABSURD);
    g_assert_cmpint(g->view.activity_source, ==, ACTIVITY_UNKNOWN);
    g_assert_cmpuint(g->view.active, ==, g->resident);
    model_deinit(&m);
}

static void test_once_caught_it_takes_several_good_readings(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *g = model_add(&m, 512 * MIB);
    g->stats = MODEL_STATS_ABSURD;
    model_run(&m, 4);
    g->stats = MODEL_STATS_TRUE;
    model_run(&m, 2);
    g_assert_cmpint(g->view.trust, ==, STATS_ABSURD);
    model_run(&m, 4);
    g_assert_cmpint(g->view.trust, ==, STATS_FRESH);
    model_deinit(&m);
}

static void test_silence_is_taken_for_pressure(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *frozen = add_spent(&m, 512 * MIB);
    model_run(&m, 5);
    frozen->stats = MODEL_STATS_FROZEN;
    model_run(&m, 20);
    struct model_guest *busy = model_add(&m, 512 * MIB);
    busy->demand = 450 * MIB;
    model_run(&m, 40);
    g_assert_cmpint(frozen->view.trust, ==, STATS_STALE);
    g_assert_cmpuint(frozen->targets_sent, ==, 0);
    model_deinit(&m);
}

static void test_paused_and_unreachable_guests_are_left_alone(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *paused = add_spent(&m, 512 * MIB);
    paused->paused = true;
    struct model_guest *stopped = add_spent(&m, 512 * MIB);
    stopped->unreachable = true;
    m.host.capacity = 600 * MIB;
    unsigned sent = paused->targets_sent + stopped->targets_sent;
    model_run(&m, 60);
    g_assert_cmpuint(paused->targets_sent + stopped->targets_sent, ==, sent);
    g_assert_cmpint(paused->view.verdict.reason, ==, REASON_NOT_RUNNING);
    g_assert_cmpint(stopped->view.verdict.reason, ==, REASON_UNREACHABLE);
    g_assert_cmpint(paused->view.trust, ==, STATS_FRESH); /* no clock ticks in a paused guest */
    model_deinit(&m);
}

static void test_reservation_cap_and_exemption_hold(void)
{
    struct model m;

    model_init(&m, 1600 * MIB);
    struct model_guest *reserved = add_spent(&m, 512 * MIB), *exempt = add_spent(&m, 512 * MIB);
    struct model_guest *capped = add_spent(&m, 512 * MIB);
    reserved->settings.reservation = 400 * MIB;
    exempt->settings.exempt = true;
    m.host.capacity = 300 * MIB; /* less than they can give */
    model_run(&m, 120);
    g_assert_cmpuint(reserved->actual, >=, 400 * MIB);
    g_assert_cmpuint(reserved->actual, <=, 404 * MIB);
    g_assert_cmpuint(exempt->actual, ==, 512 * MIB);
    g_assert_cmpuint(capped->actual, >=, 512 * MIB * 35 / 100);
    g_assert_cmpuint(capped->actual, <=, 512 * MIB * 37 / 100);
    model_deinit(&m);
}

static void test_limit_holds_while_the_host_has_plenty(void)
{
    struct model m;

    model_init(&m, 4 * GIB);
    struct model_guest *g = add_spent(&m, 512 * MIB);
    g->settings.limit = 256 * MIB;
    model_run(&m, 30);
    g_assert_cmpuint(g->actual, <=, 258 * MIB);
    g_assert_cmpint(state_of(&m), ==, HOST_HIGH);
    model_deinit(&m);
}

static void test_cold_cache_yields_to_hot_memory(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *cache = model_add(&m, 512 * MIB), *hot = model_add(&m, 512 * MIB);
    cache->cache_demand = 420 * MIB;
    model_run(&m, 20);
    cache->cache_demand = 0;
    hot->demand = 440 * MIB;
    model_run(&m, 40);
    g_assert_cmpuint(hot->used, ==, 440 * MIB);
    g_assert_cmpuint(hot->actual, ==, 512 * MIB);
    g_assert_cmpuint(cache->resident, <, 420 * MIB);
    model_deinit(&m);
}

static void test_turns_move_little_more_than_they_must(void)
{
    struct model m;
    const uint64_t busy = 400 * MIB, calm = 40 * MIB;

    model_init(&m, 700 * MIB);
    struct model_guest *guests[2] = {add_spent(&m, 512 * MIB), add_spent(&m, 512 * MIB)};
    for (unsigned turn = 0; turn < 10; turn++) {
        guests[turn % 2]->demand = busy;
        guests[1 - turn % 2]->demand = calm;
        model_run(&m, 40);
        g_assert_cmpuint(guests[turn % 2]->used, ==, busy);
    }
    /* Each turn, what the busy one needs beyond what the calm one may keep changes sides. */
    struct host_view view;
    policy_host_view(m.policy, &view);
    uint64_t needs = busy + 24 * MIB + 16 * MIB, keeps = view.available - needs;
    uint64_t ideal = 10 * 2 * (needs - keeps);
    g_test_message("moved %.2f of the ideal", (double)(m.inflated + m.deflated) / (double)ideal);
    g_assert_cmpuint(m.inflated + m.deflated, <, ideal * 3 / 2);
    model_deinit(&m);
}

static void test_release_empties_until_the_next_shortage(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *spent = add_spent(&m, 512 * MIB), *busy = model_add(&m, 512 * MIB);
    busy->demand = 420 * MIB;
    model_run(&m, 30);
    g_assert_cmpuint(spent->actual, <, 512 * MIB);
    policy_guest_release(spent->policy);
    model_run(&m, 3);
    g_assert_cmpuint(spent->actual, ==, 512 * MIB);
    spent->demand = 430 * MIB;
    model_run(&m, 6);
    spent->demand = 40 * MIB;
    model_run(&m, 40);
    g_assert_cmpuint(spent->actual, <, 512 * MIB);
    model_deinit(&m);
}

static void test_inflation_stops_when_nobody_needs_it(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *spent = add_spent(&m, 512 * MIB), *busy = add_spent(&m, 512 * MIB);
    spent->balloon_rate = 4 * MIB;
    busy->demand = 440 * MIB;
    busy->balloon_rate = 4 * MIB;
    model_run(&m, 6);
    model_end(&m, busy);
    model_run(&m, 4);
    g_assert_cmpuint(spent->target, >=, spent->actual);
    model_deinit(&m);
}

static void test_deflation_is_rationed_to_what_is_free(void)
{
    struct model m;

    model_init(&m, 1200 * MIB);
    struct model_guest *guests[4];
    for (unsigned i = 0; i < 4; i++) {
        guests[i] = add_spent(&m, 512 * MIB);
        guests[i]->swap_size = GIB;
    }
    m.host.capacity = 800 * MIB;
    model_run(&m, 60);
    for (unsigned i = 0; i < 4; i++)
        guests[i]->demand = 480 * MIB;
    for (unsigned i = 0; i < 60; i++) {
        uint64_t visible = 0, free_now = u64_sub(m.host.capacity, resident_of(&m));

        model_run(&m, 1);
        for (unsigned j = 0; j < 4; j++)
            visible += u64_sub(guests[j]->target, guests[j]->actual);
        g_assert_cmpuint(visible, <=, free_now + 800 * MIB / 10);
    }
    g_assert_cmpuint(resident_of(&m), <=, 800 * MIB + 8 * MIB);
    model_deinit(&m);
}

/* Grows to @demand at the pace of a program that reads and computes; never waits longer than a
 * second. */
static void grow(struct model *m, struct model_guest *g, uint64_t demand)
{
    const uint64_t rate = 30 * MIB;

    while (g->demand < demand) {
        g->demand = u64_min(g->demand + rate, demand);
        model_run(m, 1);
        g_assert_cmpuint(g->used + rate, >=, g->demand);
    }
}

/* Seen on real guests too: it was raised by its share of what was free, an idle neighbour got the
 * rest. */
static void test_need_goes_before_comfort(void)
{
    struct model m;

    model_init(&m, 700 * MIB);
    struct model_guest *first = add_spent(&m, 512 * MIB), *second = model_add(&m, 512 * MIB);
    grow(&m, second, 360 * MIB);
    model_run(&m, 20);
    second->demand = 40 * MIB;
    grow(&m, first, 360 * MIB);
    model_deinit(&m);
}

static void test_reason_names_the_figures(void)
{
    struct model m;
    char text[512];

    model_init(&m, 900 * MIB);
    struct model_guest *spent = add_spent(&m, 512 * MIB), *busy = model_add(&m, 512 * MIB);
    busy->demand = 450 * MIB;
    for (unsigned i = 0; i < 20 && spent->view.verdict.reason != REASON_SHORTAGE; i++)
        model_run(&m, 1);
    g_assert_cmpint(spent->view.verdict.reason, ==, REASON_SHORTAGE);
    policy_reason_text(&spent->view.verdict, text, sizeof(text));
    g_assert_nonnull(strstr(text, "balloon inflates"));
    g_assert_nonnull(strstr(text, "entitled to"));
    g_assert_nonnull(strstr(text, "minfree 54 MiB"));
    model_deinit(&m);
}

static void test_every_reason_has_its_name_and_sentence(void)
{
    char text[512];

    for (unsigned reason = 0; reason < REASON_MAX; reason++) {
        struct verdict v = {.reason = (enum reason)reason};

        g_assert_nonnull(reason_name(v.reason));
        g_assert_null(strstr(policy_reason_text(&v, text, sizeof(text)), "null"));
        g_assert_null(g_strrstr(text, "%"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/policy/" #name, test_##name)
    ADD(nobody_is_ballooned_while_there_is_plenty);
    ADD(idle_gives_to_busy);
    ADD(memory_comes_back_in_one_decision);
    ADD(shares_split_when_everybody_is_hungry);
    ADD(distress_is_relieved_in_the_same_second);
    ADD(what_a_guest_without_driver_holds_others_give);
    ADD(no_driver_from_the_start_is_absent);
    ADD(device_without_use_is_not_asked);
    ADD(ignored_target_is_taken_back);
    ADD(claim_of_idleness_is_refuted_by_the_balloon);
    ADD(claim_of_hunger_gets_no_more_than_its_share);
    ADD(claim_of_hunger_is_refuted_by_untouched_memory);
    ADD(absurd_statistics_are_not_believed);
    ADD(once_caught_it_takes_several_good_readings);
    ADD(silence_is_taken_for_pressure);
    ADD(paused_and_unreachable_guests_are_left_alone);
    ADD(reservation_cap_and_exemption_hold);
    ADD(limit_holds_while_the_host_has_plenty);
    ADD(cold_cache_yields_to_hot_memory);
    ADD(turns_move_little_more_than_they_must);
    ADD(release_empties_until_the_next_shortage);
    ADD(inflation_stops_when_nobody_needs_it);
    ADD(deflation_is_rationed_to_what_is_free);
    ADD(need_goes_before_comfort);
    ADD(reason_names_the_figures);
    ADD(every_reason_has_its_name_and_sentence);
    return g_test_run();
}
