/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy has pagers do: last, as much as it takes, and without going to and fro. */
#include <glib.h>

#include "model.h"

static struct host_view view_of(const struct model *m)
{
    struct host_view view;

    policy_host_view(m->policy, &view);
    return view;
}

/* A guest with a pager that has touched all its memory, of which @hot are in use. */
static struct model_guest *add_paged(struct model *m, uint64_t size, uint64_t hot)
{
    struct model_guest *g = model_add(m, size);

    g->pager = true;
    g->samples = true;
    g->hot = hot;
    g->demand = size - 60 * MIB;
    return g;
}

static void test_nothing_is_put_out_while_there_is_plenty(void)
{
    struct model m;

    model_init(&m, 4 * GIB);
    struct model_guest *a = add_paged(&m, GIB, 100 * MIB), *b = add_paged(&m, GIB, GIB);
    b->driver = MODEL_NO_DEVICE;
    model_run(&m, 120);
    g_assert_cmpint(view_of(&m).state, ==, HOST_HIGH);
    g_assert_cmpuint(a->allowed_sent + b->allowed_sent, ==, 0);
    g_assert_cmpuint(a->out + b->out, ==, 0);
    model_deinit(&m);
}

/* Clear and soft are the balloon's: a pager takes only where there is none. */
static void test_instead_of_a_balloon(void)
{
    static const struct {
        enum model_driver driver;
        bool paused, unreachable;
    } cases[] = {
        {.driver = MODEL_NO_DEVICE},   {.driver = MODEL_DRIVER_ABSENT},
        {.driver = MODEL_DRIVER_DEAF}, {.paused = true},
        {.unreachable = true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct model m;

        model_init(&m, 1300 * MIB);
        struct model_guest *idle = add_paged(&m, GIB, 20 * MIB), *busy = model_add(&m, 512 * MIB);
        idle->driver = cases[i].driver;
        model_run(&m, 40);
        idle->paused = cases[i].paused;
        idle->unreachable = cases[i].unreachable;
        busy->demand = 420 * MIB;
        model_run(&m, 60);
        g_assert_cmpuint(busy->used, >=, 400 * MIB);
        g_assert_cmpuint(idle->out, >, 50 * MIB);
        g_assert_cmpuint(view_of(&m).free, >, 0);
        g_assert_cmpint(view_of(&m).state, <=, HOST_CLEAR);
        model_deinit(&m);
    }
}

/* With a balloon that works and time for it, nothing is put out. */
static void test_balloon_first(void)
{
    struct model m;

    model_init(&m, 1300 * MIB);
    struct model_guest *idle = add_paged(&m, GIB, 100 * MIB), *busy = model_add(&m, 512 * MIB);
    model_run(&m, 30);
    idle->demand = 40 * MIB;
    for (unsigned i = 0; i < 40; i++) { /* slowly, so that the host need not be in state hard */
        busy->demand += 10 * MIB;
        model_run(&m, 2);
    }
    g_assert_cmpuint(idle->actual, <, 900 * MIB);
    g_assert_cmpuint(idle->out, ==, 0);
    g_assert_cmpuint(busy->used, >=, 420 * MIB);
    model_deinit(&m);
}

/* In state hard a balloon that only crawls is helped, and the shortage ends within seconds. */
static void test_besides_a_slow_balloon(void)
{
    struct model m;

    model_init(&m, 1100 * MIB);
    struct model_guest *idle = add_paged(&m, GIB, 60 * MIB), *busy = model_add(&m, GIB);
    model_run(&m, 20);
    idle->demand = 40 * MIB;
    idle->balloon_rate = 4 * MIB;
    busy->demand = 600 * MIB;
    model_run(&m, 12);
    g_assert_cmpuint(idle->out, >, 100 * MIB);
    g_assert_cmpuint(busy->used, >=, 500 * MIB);
    g_assert_cmpuint(view_of(&m).free, >, 0);
    model_run(&m, 300);
    /* In the end the balloon has it, and the pager nothing that the guest gave back. */
    g_assert_cmpuint(idle->actual, <, 700 * MIB);
    model_deinit(&m);
}

/* More than all want: reservations hold, shares decide, and nobody goes to and fro. */
static void test_rests_where_all_are_busy(void)
{
    struct model m;
    struct model_guest *g[3];
    unsigned sent[2] = {0}, flips[2] = {0};

    model_init(&m, GIB);
    for (unsigned i = 0; i < 3; i++) {
        g[i] = add_paged(&m, 600 * MIB, i == 2 ? 30 * MIB : 0);
        g[i]->driver = MODEL_NO_DEVICE;
        g[i]->cold_first = true;
    }
    g[0]->settings.reservation = 400 * MIB;
    for (unsigned phase = 0; phase < 2; phase++) {
        model_run(&m, phase == 0 ? 120 : 600);
        for (unsigned i = 0; i < 3; i++) {
            sent[phase] += g[i]->allowed_sent;
            flips[phase] += g[i]->allowed_flips;
        }
    }
    g_assert_cmpuint(flips[0], <=, 6);
    g_assert_cmpuint(flips[1], ==, flips[0]);
    g_assert_cmpuint(sent[1], <, sent[0] + 30);
    g_assert_cmpuint(g[0]->resident, >=, 400 * MIB);
    g_assert_cmpuint(g[2]->resident, <, g[1]->resident);
    g_assert_cmpuint(m.evictions_in_high, ==, 0);
    model_deinit(&m);
}

/* What is out comes back when there is room for it again, and then nothing bounds the guest. */
static void test_comes_back(void)
{
    struct model m;

    model_init(&m, GIB);
    struct model_guest *a = add_paged(&m, 700 * MIB, 0), *b = add_paged(&m, 700 * MIB, 0);
    a->driver = b->driver = MODEL_NO_DEVICE;
    model_run(&m, 60);
    g_assert_cmpuint(a->out, >, 100 * MIB);
    model_end(&m, b);
    model_run(&m, 30);
    g_assert_cmpuint(a->out, ==, 0);
    g_assert_cmpuint(a->allowed, ==, ALLOWED_ANY);
    model_deinit(&m);
}

static void test_limit_holds_in_state_high(void)
{
    struct model m;

    model_init(&m, 4 * GIB);
    struct model_guest *g = add_paged(&m, GIB, 0);
    g->driver = MODEL_NO_DEVICE;
    g->settings.limit = 300 * MIB;
    model_run(&m, 30);
    g_assert_cmpuint(g->resident, <=, 300 * MIB);
    g_assert_cmpuint(g->out, >, 600 * MIB);
    g_assert_cmpint(g->view.verdict.allowed_reason, ==, REASON_LIMIT);
    g->settings.limit = 0;
    model_run(&m, 30);
    g_assert_cmpuint(g->out, ==, 0);
    model_deinit(&m);
}

static void test_exempt_is_left_alone(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *exempt = add_paged(&m, 600 * MIB, 20 * MIB),
                       *other = add_paged(&m, 600 * MIB, 0);
    exempt->settings.exempt = true;
    other->driver = MODEL_NO_DEVICE;
    model_run(&m, 60);
    g_assert_cmpuint(exempt->out, ==, 0);
    g_assert_cmpuint(exempt->allowed_sent, ==, 0);
    g_assert_cmpuint(other->out, >, 100 * MIB);
    g_assert_cmpint(view_of(&m).state, <=, HOST_CLEAR);
    model_deinit(&m);
}

/* A guest without swap, whose memory is in use, keeps seeing what it needs: the pager takes it. */
static void test_no_guest_is_starved_by_its_balloon(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *a = add_paged(&m, 600 * MIB, 0), *b = add_paged(&m, 600 * MIB, 0);
    model_run(&m, 200);
    g_assert_cmpuint(a->used, >=, a->demand - 10 * MIB);
    g_assert_cmpuint(b->used, >=, b->demand - 10 * MIB);
    g_assert_cmpuint(a->out + b->out, >, 150 * MIB);
    g_assert_cmpuint(view_of(&m).free, >, 0);
    model_deinit(&m);
}

/* Its operator's doing is left alone: no balloon wakes it, and nothing more is taken. */
static void test_parked_is_left_alone(void)
{
    struct model m;

    model_init(&m, 900 * MIB);
    struct model_guest *parked = add_paged(&m, 600 * MIB, 1);
    model_run(&m, 20);
    struct model_guest *busy = add_paged(&m, 600 * MIB, 0);
    parked->parked = true;
    parked->demand = 40 * MIB; /* it has much to give, by its own word */
    parked->out = parked->resident - 30 * MIB;
    parked->resident = 30 * MIB;
    model_run(&m, 30);
    busy->demand = 560 * MIB;
    model_add(&m, 600 * MIB)->demand = 500 * MIB;
    model_run(&m, 60);
    g_assert_cmpuint(parked->targets_sent + parked->allowed_sent, ==, 0);
    g_assert_cmpint(parked->view.verdict.allowed_reason, ==, REASON_PARKED);
    g_assert_cmpuint(view_of(&m).free, >, 0);
    model_deinit(&m);
}

/* Samples say what is in use, whatever the guest claims. */
static void test_samples_are_believed(void)
{
    struct model m;

    model_init(&m, 4 * GIB);
    struct model_guest *liar = add_paged(&m, GIB, 100 * MIB), *busy = add_paged(&m, GIB, 700 * MIB);
    liar->stats = MODEL_STATS_LIE_HUNGRY;
    busy->stats = MODEL_STATS_LIE_IDLE;
    model_run(&m, 400);
    g_assert_cmpint(liar->view.activity_source, ==, ACTIVITY_SAMPLED);
    g_assert_cmpuint(liar->view.active, <, 150 * MIB);
    g_assert_cmpuint(busy->view.active, >, 600 * MIB);
    /* It becomes busy: the estimate follows with the window; idle again: it falls within minutes.
     */
    liar->hot = 800 * MIB;
    model_run(&m, 11);
    g_assert_cmpuint(liar->view.active, >, 700 * MIB);
    liar->hot = 100 * MIB;
    model_run(&m, 240);
    g_assert_cmpuint(liar->view.active, <, 200 * MIB);
    model_deinit(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/swap/plenty", test_nothing_is_put_out_while_there_is_plenty);
    g_test_add_func("/swap/instead", test_instead_of_a_balloon);
    g_test_add_func("/swap/balloon-first", test_balloon_first);
    g_test_add_func("/swap/besides", test_besides_a_slow_balloon);
    g_test_add_func("/swap/rests", test_rests_where_all_are_busy);
    g_test_add_func("/swap/comes-back", test_comes_back);
    g_test_add_func("/swap/limit", test_limit_holds_in_state_high);
    g_test_add_func("/swap/exempt", test_exempt_is_left_alone);
    g_test_add_func("/swap/not-starved", test_no_guest_is_starved_by_its_balloon);
    g_test_add_func("/swap/parked", test_parked_is_left_alone);
    g_test_add_func("/swap/samples", test_samples_are_believed);
    return g_test_run();
}
