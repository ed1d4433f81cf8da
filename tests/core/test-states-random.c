/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random hosts that run short, with the policy's own loop: what is asked for in which state, that
 * nobody is held who must not be, nor longer than he may, and that it all repeats.
 */
#include "model.h"
#include "random-host.h"

#define HOSTS    60
#define SECONDS  40
#define TICK     (50 * USEC_PER_MSEC)
#define GUESTS   6
#define CAPACITY (1500 * MIB)

static void random_guest(struct model *m, GRand *rand)
{
    struct model_guest *g = model_add(m, (uint64_t)g_rand_int_range(rand, 128, 600) * MIB);

    g->driver = g_rand_boolean(rand) ? MODEL_DRIVER_WORKS : MODEL_NO_DEVICE;
    g->pager = g_rand_int_range(rand, 0, 5) != 0;
    g->kernel = g_rand_boolean(rand);
    g->cold_first = g_rand_boolean(rand);
    g->samples = g_rand_boolean(rand);
    g->hot = g_rand_boolean(rand) ? g->size / (uint64_t)g_rand_int_range(rand, 1, 10) : 0;
    g->swap_size = g_rand_boolean(rand) ? g->size : 0;
    g->balloon_rate = (uint64_t)g_rand_int_range(rand, 2, 200) * MIB;
    g->evict_rate = (uint64_t)g_rand_int_range(rand, 2, 400) * MIB;
    g->growth = (uint64_t)g_rand_int_range(rand, 5, 200) * MIB;
    if (g_rand_int_range(rand, 0, 3) == 0)
        g->settings.reservation = (uint64_t)g_rand_int_range(rand, 16, 100) * MIB;
    if (g_rand_int_range(rand, 0, 3) == 0)
        g->settings.shares = (uint64_t)g_rand_int_range(rand, 100, 10000);
    g->settings.exempt = g_rand_int_range(rand, 0, 10) == 0;
}

/* What was seen of a guest's blocks so far. */
struct watch {
    usec_t blocked; /* at the last step */
    usec_t stretch; /* it is held, so far */
    usec_t since;
};

static void check_blocking(const struct model *m, const struct model_guest *g, struct watch *w,
                           const struct policy_params *params)
{
    usec_t passed = m->now - w->since;

    w->stretch = g->blocked > w->blocked ? w->stretch + g->blocked - w->blocked : 0;
    w->blocked = g->blocked;
    g_assert_cmpuint(w->stretch, <=, params->block_slice_usec + TICK);
    g_assert_cmpfloat((double)g->blocked, <=,
                      params->block_part * (double)passed +
                          (double)(params->block_slice_usec + TICK));
    if (!g->pager || g->settings.exempt)
        g_assert_cmpuint(g->blocked, ==, 0);
}

/* Swapping in clear and soft only where the balloon can't, or not in time. */
static void check_order(const struct model_guest *g)
{
    const struct verdict *v = &g->view.verdict;
    bool takes = v->allow && v->allowed < v->resident + v->cache;

    g_assert_true(v->block == 0 || v->state == HOST_LOW);
    g_assert_false(takes && v->state == HOST_HIGH);
    if (takes && v->state < HOST_HARD && g->driver == MODEL_DRIVER_WORKS)
        g_assert_true(v->allowed_reason == REASON_SWAP_AHEAD ||
                      v->allowed_reason == REASON_SWAP_INSTEAD ||
                      v->allowed_reason == REASON_SWAP_BESIDES);
    g_assert_true(!g->pager || g->settings.exempt || v->allowed >= g->settings.reservation);
}

/* A number that differs where anything went differently. */
static uint64_t run(guint32 seed)
{
    GRand *rand = g_rand_new_with_seed(seed);
    const struct policy_params params = policy_params_default();
    struct watch watches[GUESTS] = {0};
    uint64_t sum = 0;
    struct model m;

    model_init(&m, CAPACITY);
    m.tick = TICK;
    for (unsigned i = 0; i < GUESTS; i++) {
        random_guest(&m, rand);
        watches[i].since = m.now;
    }
    for (unsigned i = 0; i < SECONDS * (USEC_PER_SEC / TICK); i++) {
        if (g_rand_int_range(rand, 0, 40) == 0) {
            struct model_guest *g = &m.guests[g_rand_int_range(rand, 0, GUESTS)];

            g->demand = (uint64_t)g_rand_double_range(rand, 0.1, 0.95 * (double)g->size);
        }
        model_step(&m);
        for (unsigned j = 0; j < GUESTS; j++) {
            check_blocking(&m, &m.guests[j], &watches[j], &params);
            check_order(&m.guests[j]);
            sum = sum * 31 + m.guests[j].resident + m.guests[j].blocked + m.guests[j].actual;
        }
    }
    model_deinit(&m);
    g_rand_free(rand);
    return sum;
}

static void test_random_hosts(void)
{
    GRand *rand = random_seeded();

    for (unsigned i = 0; i < HOSTS; i++) {
        guint32 seed = g_rand_int(rand);

        g_test_message("host %u", seed);
        g_assert_cmpuint(run(seed), ==, run(seed));
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/states/random", test_random_hosts);
    return g_test_run();
}
