/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What always holds of a simulated host, whatever guests do, whoever manages, however long the
 * ticks: what a guest sees adds up, no page that programs own is lost, nothing is negative, and
 * guests do not take more than there is.
 */
#include <inttypes.h>
#include <string.h>

#include "host.h"
#include "sim/sim_impl.h"
#include "tests/random.h"

#define HOSTS      60
#define GUESTS_MAX 6
#define STEPS_MAX  6

/* What rounding may add up to. */
#define ROUNDING (double)KIB

/* A manager that knows nothing and does everything. */
struct chaos {
    struct sim *sim;
    GRand *rand;
    GHashTable *guests; /* number -> size */
};

static void *chaos_create(struct sim *s, const void *config, uint64_t capacity)
{
    struct chaos *c = g_new0(struct chaos, 1);

    (void)capacity;
    c->sim = s;
    c->rand = g_rand_new_with_seed(*(const guint32 *)config);
    c->guests = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return c;
}

static void chaos_destroy(void *m)
{
    struct chaos *c = m;

    g_rand_free(c->rand);
    g_hash_table_unref(c->guests);
    g_free(c);
}

static void chaos_started(void *m, unsigned guest, const struct manager_guest *facts)
{
    struct chaos *c = m;

    g_hash_table_insert(c->guests, GUINT_TO_POINTER(guest),
                        g_memdup2(&facts->size, sizeof(facts->size)));
}

static void chaos_ended(void *m, unsigned guest)
{
    struct chaos *c = m;

    g_hash_table_remove(c->guests, GUINT_TO_POINTER(guest));
}

static bool chaos_admit(void *m, const struct manager_guest *facts)
{
    struct chaos *c = m;

    (void)facts;
    return g_rand_int_range(c->rand, 0, 4) != 0;
}

static void chaos_act(struct chaos *c, unsigned guest, uint64_t size)
{
    uint64_t some = (uint64_t)(g_rand_double(c->rand) * 1.2 * (double)size);

    switch (g_rand_int_range(c->rand, 0, 12)) {
    case 0:
    case 1:
        manager_balloon(c->sim, guest, some);
        break;
    case 2:
        manager_allow(c->sim, guest, some);
        break;
    case 3:
        manager_allow(c->sim, guest, ALLOWED_ANY);
        break;
    case 4:
        manager_block(c->sim, guest, (usec_t)g_rand_int_range(c->rand, 0, 3000000));
        break;
    case 5:
        manager_unblock(c->sim, guest);
        break;
    case 6:
        manager_sample(c->sim, guest, 5 * SECOND);
        break;
    case 7:
        manager_scan(c->sim, g_rand_boolean(c->rand) ? 100000 : 0);
        break;
    default:
        break;
    }
}

static usec_t chaos_wake(void *m, usec_t now)
{
    struct chaos *c = m;
    GHashTableIter iter;
    void *guest, *size;

    g_hash_table_iter_init(&iter, c->guests);
    while (g_hash_table_iter_next(&iter, &guest, &size))
        chaos_act(c, GPOINTER_TO_UINT(guest), *(uint64_t *)size);
    return now + (usec_t)g_rand_int_range(c->rand, 100000, 3000000);
}

static const struct manager_ops MANAGER_CHAOS = {
    .name = "chaos",
    .title = "Chaos",
    .pagers = true,
    .sharing = true,
    .create = chaos_create,
    .destroy = chaos_destroy,
    .started = chaos_started,
    .ended = chaos_ended,
    .admit = chaos_admit,
    .wake = chaos_wake,
};

static uint64_t random_part(GRand *rand, uint64_t of)
{
    return (uint64_t)(g_rand_double(rand) * (double)of);
}

static double random_interval(GRand *rand)
{
    return g_rand_int_range(rand, 0, 6) ? exp(g_rand_double_range(rand, -5, 7)) : (double)INFINITY;
}

static struct work_step random_step(GRand *rand, usec_t at, uint64_t size)
{
    struct work_step step = {
        .at = at,
        .own = random_part(rand, size),
        .fill_rate = g_rand_boolean(rand) ? 20 * MIB : 0,
        .content = {.zero = g_rand_double(rand) / 3,
                    .compressible = g_rand_double(rand) / 3,
                    .ratio = 0.01 + g_rand_double(rand) * 0.99,
                    .identical = g_rand_double(rand) / 3},
        .cold_cache = g_rand_int_range(rand, 0, 3) ? 0 : random_part(rand, size),
        .stream = g_rand_int_range(rand, 0, 3) ? 0 : random_part(rand, size),
        .drop_caches = g_rand_int_range(rand, 0, 4) == 0,
        .writes = g_rand_double(rand),
        .demand = g_rand_int_range(rand, 0, 4) ? g_rand_double(rand) : 0,
        .ops = 1000,
        .threads = (unsigned)g_rand_int_range(rand, 0, 4),
        .counts = g_rand_boolean(rand),
    };

    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++) {
        if (g_rand_boolean(rand))
            step.anon[i] = (struct work_class){random_part(rand, size / 2), random_interval(rand)};
        if (g_rand_int_range(rand, 0, 4) == 0)
            step.cache[i] = (struct work_class){random_part(rand, size / 2), random_interval(rand)};
    }
    return step;
}

static void add_random_guest(struct sim *s, GRand *rand)
{
    uint64_t size = (uint64_t)g_rand_int_range(rand, 64, 4096) * MIB;
    struct sim_guest_spec spec = {
        .name = "guest",
        .size = size,
        .settings = {.reservation = g_rand_int_range(rand, 0, 3) ? 0 : random_part(rand, size)},
        .ram = g_rand_boolean(rand) ? SIM_RAM_MEMFD : SIM_RAM_PRIVATE,
        .balloon = (enum sim_balloon)g_rand_int_range(rand, 0, SIM_BALLOON_NO_DEVICE + 1),
        .stats = (enum sim_stats)g_rand_int_range(rand, 0, SIM_STATS_ABSURD + 1),
        .deflate_on_oom = g_rand_boolean(rand),
        .free_page_reporting = g_rand_boolean(rand),
        .pager = g_rand_boolean(rand),
        .share = g_rand_boolean(rand),
        .swap = g_rand_boolean(rand) ? random_part(rand, 2 * size) : 0,
        .vcpus = 1,
        .start = random_part(rand, 20 * SECOND),
        .end = g_rand_int_range(rand, 0, 4) ? USEC_NEVER : random_part(rand, 200 * SECOND),
    };
    struct work_step steps[STEPS_MAX];
    size_t n = (size_t)g_rand_int_range(rand, 0, STEPS_MAX + 1);

    for (size_t i = 0; i < n; i++)
        steps[i] = random_step(rand, i * 20 * SECOND, size);
    add_guest(s, spec, steps, n);
}

static struct sim *random_host(GRand *rand, const guint32 *chaos_seed)
{
    static const usec_t ticks[] = {50000, 100000, 1000000, 2000000, 5000000};
    static const struct manager_ops *const managers[] = {&MANAGER_AEROSTAT, &MANAGER_NONE,
                                                         &MANAGER_CHAOS};
    const struct manager_ops *manager = managers[g_rand_int_range(rand, 0, 3)];
    struct sim_config config = {
        .host = {.capacity = (uint64_t)g_rand_int_range(rand, 256, 8192) * MIB,
                 .swap = (uint64_t)g_rand_int_range(rand, 0, 16384) * MIB,
                 .pager_cache_part_permille = (uint64_t)g_rand_int_range(rand, 0, 200),
                 .tick = ticks[g_rand_int_range(rand, 0, G_N_ELEMENTS(ticks))],
                 .manager_off_from = 50 * SECOND,
                 .manager_off_to = 70 * SECOND},
        .costs = host_costs(),
        .manager = manager,
        .manager_config = manager == &MANAGER_CHAOS ? chaos_seed : NULL,
        .seed = g_rand_int(rand),
    };
    struct sim *s = sim_new(&config);

    for (int n = g_rand_int_range(rand, 1, GUESTS_MAX + 1); n > 0; n--)
        add_random_guest(s, rand);
    return s;
}

static void near(const char *what, double a, double b)
{
    double rounding = ROUNDING + (fabs(a) + fabs(b)) * 1e-9;

    if (isnan(a) || isnan(b) || fabs(a - b) > rounding)
        g_error("%s: %.1f is not %.1f", what, a, b);
}

static void check_pools(const struct vm *vm)
{
    for (unsigned i = 0; i < POOLS; i++)
        for (enum place place = 0; place < PLACE_MAX; place++) {
            double at = vm->pools[i].at[place];

            if (isnan(at) || at < -ROUNDING)
                g_error("pool %u has %.1f at place %d", i, at, (int)place);
        }
}

/* What a guest sees adds up, and the sums that are carried along are right. */
static void check_guest(const struct sim *s, struct vm *vm)
{
    double here = vm->here, out = vm->out, used = vm->used, cache = vm->cache, memory = 0;

    check_pools(vm);
    vm_sum(vm);
    near("resident", here, vm->here);
    near("out", out, vm->out);
    near("used", used, vm->used);
    near("cache", cache, vm->cache);
    for (unsigned i = 0; i < POOLS; i++)
        memory += pool_memory(&vm->pools[i]);
    g_assert_cmpfloat(memory, <=, vm->visible + ROUNDING);
    g_assert_cmpfloat(vm->visible, <=, vm->size + ROUNDING);
    near("seen", vm->used + vm->cache + vm_free(vm), vm->visible);
    g_assert_cmpfloat(guest_swapped(vm), <=, (double)vm->spec.swap + ROUNDING);
    g_assert_cmpfloat(vm->cache_used, >=, -ROUNDING);
    if (!vm_has_pager(s, vm) && vm->life == VM_RUNS)
        for (unsigned i = 0; i < POOLS; i++)
            near("pager's", vm->pools[i].at[PLACE_SWAPPED], 0);
}

static double owned(const struct vm *vm)
{
    double sum = 0;

    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        sum += pool_total(&vm->pools[i]);
    return sum;
}

static double should_own(const struct vm *vm)
{
    double sum = 0;

    for (unsigned i = POOL_ANON; i <= POOL_COLD; i++)
        sum += vm->pools[i].want;
    return sum;
}

struct before {
    double owned, work;
    unsigned kills;
    size_t step;
};

/* Of what programs own nothing is lost but by a kill or when they free it, and they own no more
 * than they want. Work is never undone. */
static void check_programs(const struct vm *vm, struct before *before)
{
    double owns = owned(vm);

    if (vm->life == VM_RUNS && vm->next_step == before->step && vm->sums.oom_kills == before->kills)
        g_assert_cmpfloat(owns, >=, before->owned - ROUNDING);
    g_assert_cmpfloat(owns, <=, should_own(vm) + ROUNDING);
    g_assert_cmpfloat(vm->sums.work_done, >=, before->work);
    g_assert_cmpfloat(vm->sums.work_done, <=, vm->sums.work_wanted * (1 + 1e-9));
    *before = (struct before){.owned = owns,
                              .work = vm->sums.work_done,
                              .kills = vm->sums.oom_kills,
                              .step = vm->next_step};
}

static void check_host(const struct sim *s)
{
    double held = 0, swapped = 0;

    for (unsigned i = 0; i < sim_guests(s); i++) {
        const struct vm *vm = sim_vm(s, i);

        held += vm_held(vm);
        for (unsigned j = 0; j < POOLS; j++)
            swapped += vm->pools[j].at[PLACE_KERNEL];
    }
    near("held", held, s->held);
    near("host swap", swapped, s->swap_used);
    g_assert_cmpfloat(s->swap_used, <=, (double)s->config.host.swap + ROUNDING);
    g_assert_cmpfloat(s->stalled, <=, 1);
}

static void test_invariants(void)
{
    GRand *rand = random_seeded();

    for (unsigned host = 0; host < HOSTS; host++) {
        guint32 chaos_seed = g_rand_int(rand);
        struct sim *s = random_host(rand, &chaos_seed);
        struct before before[GUESTS_MAX] = {0};

        while (sim_now(s) < 200 * SECOND) {
            sim_step(s);
            for (unsigned i = 0; i < sim_guests(s); i++) {
                check_guest(s, sim_vm(s, i));
                check_programs(sim_vm(s, i), &before[i]);
            }
            check_host(s);
            /* Booting guests take what they need at once. */
            g_assert_cmpuint((uint64_t)s->held, <=, (uint64_t)s->capacity + GUESTS_MAX * 256 * MIB);
        }
        sim_free(s);
    }
    g_rand_free(rand);
}

static GString *tell(guint32 seed, guint32 sim_seed)
{
    GRand *rand = g_rand_new_with_seed(seed);
    guint32 chaos_seed = 1;
    struct sim *s = random_host(rand, &chaos_seed);
    GString *text = g_string_new(NULL);

    g_rand_set_seed(s->random, sim_seed);
    while (sim_now(s) < 100 * SECOND) {
        sim_step(s);
        for (unsigned i = 0; i < sim_guests(s); i++) {
            struct sim_guest_now now = now_of(s, i);

            g_string_append_printf(text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %a\n", now.granted,
                                   now.resident, now.out_swapped, now.speed);
        }
    }
    sim_free(s);
    g_rand_free(rand);
    return text;
}

/* The same seed gives the same run, to the last bit; another one draws other samples, where there
 * are pagers and somebody goes by what they say. */
static void test_same_again(void)
{
    unsigned others = 0;

    for (guint32 seed = 0; seed < 16; seed++) {
        GString *a = tell(seed, 7), *b = tell(seed, 7), *c = tell(seed, 8);

        g_assert_cmpstr(a->str, ==, b->str);
        others += strcmp(a->str, c->str) != 0;
        g_string_free(a, TRUE);
        g_string_free(b, TRUE);
        g_string_free(c, TRUE);
    }
    g_assert_cmpuint(others, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sim/random/invariants", test_invariants);
    g_test_add_func("/sim/random/same-again", test_same_again);
    return g_test_run();
}
