/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random fleets: guests of five kinds and of several sizes, on a host that is overcommitted 1.2 to
 * 2.5 times. What a guest owns is used unevenly: a part within seconds, one within minutes, and
 * some of it never again, as programs do.
 */
#include <math.h>

#include "policies/scene.h"

#define GUESTS_MIN     20
#define GUESTS_MAX     40
#define OVERCOMMIT_MIN 1.2
#define OVERCOMMIT_MAX 2.5
#define LENGTH_SECONDS 2400

/* Of those guests that grow, so many times. */
#define GROWTHS 24

/* Of those guests that have days. */
#define HALF_DAY 600.0

struct maker {
    GRand *rand;
    struct work *work;
    double size;
    struct work_content content;
};

static double draw(struct maker *m, double from, double to)
{
    return g_rand_double_range(m->rand, from, to);
}

static struct work_class class_of(double bytes, double interval)
{
    return (struct work_class){.bytes = (uint64_t)fmax(bytes, 0), .interval = interval};
}

/* @own: part of the size that is owned; @busy: how much of it is used, and how much is done. */
static struct work_step *step(struct maker *m, double at, double own, double busy)
{
    double bytes = own * m->size;
    struct work_step s = {.at = (usec_t)(at * (double)USEC_PER_SEC),
                          .own = (uint64_t)bytes,
                          .fill_rate = 100 * MIB,
                          .content = m->content,
                          .demand = fmax(busy, 0.02),
                          .ops = 1000 * busy,
                          .threads = 1,
                          .writes = 0.3,
                          .counts = true};

    s.anon[0] = class_of(0.25 * busy * bytes, 2);
    s.anon[1] = class_of(0.35 * busy * bytes, 30);
    s.anon[2] = class_of(0.25 * bytes, 300);
    work_append(m->work, &s);
    return &m->work->steps[m->work->n - 1];
}

static void idle(struct maker *m)
{
    step(m, 0, draw(m, 0.4, 0.8), 0.08);
}

static void bursts(struct maker *m)
{
    double low = draw(m, 0.25, 0.5), high = draw(m, 0.7, 0.9), t = draw(m, 300, 900);

    step(m, 0, low, 0.2);
    while (t < LENGTH_SECONDS) {
        double lasts = draw(m, 60, 300);

        step(m, t, high, draw(m, 0.6, 1));
        step(m, t + lasts, low, 0.2);
        t += lasts + draw(m, 300, 900);
    }
}

static void day_night(struct maker *m)
{
    double own = draw(m, 0.65, 0.9), first = draw(m, 0, HALF_DAY);

    step(m, 0, own, 0.5);
    for (unsigned i = 0; i * HALF_DAY < LENGTH_SECONDS; i++)
        step(m, first + i * HALF_DAY, own, i % 2 ? 0.9 : 0.05);
}

static void cache_heavy(struct maker *m)
{
    struct work_step *s = step(m, 0, draw(m, 0.15, 0.3), 0.4);
    double files = draw(m, 0.4, 0.65) * m->size;

    s->cache[0] = class_of(0.15 * files, 5);
    s->cache[1] = class_of(0.35 * files, 90);
    s->cache[2] = class_of(0.5 * files, 900);
}

static void growing(struct maker *m)
{
    double from = draw(m, 0.15, 0.3), to = draw(m, 0.7, 0.9);

    for (unsigned i = 0; i < GROWTHS; i++)
        step(m, i * (double)LENGTH_SECONDS / GROWTHS, from + (to - from) * i / GROWTHS, 0.5);
}

static struct sim_guest_spec guest(GRand *rand, unsigned number)
{
    static void (*const kinds[])(struct maker *) = {idle,   bursts,      day_night, growing,
                                                    bursts, cache_heavy, idle};
    static const char *const names[] = {"idle",   "bursts", "day", "grows",
                                        "bursts", "cache",  "idle"};
    static const unsigned gibs[] = {2, 4, 4, 8, 8, 16};
    struct sim_guest_spec g = {.pager = true, .vcpus = 2, .end = USEC_NEVER};
    unsigned kind = (unsigned)g_rand_int_range(rand, 0, G_N_ELEMENTS(kinds));
    struct maker m = {.rand = rand, .work = &g.work};

    g.name = g_strdup_printf("%s%u", names[kind], number);
    g.size = gibs[g_rand_int_range(rand, 0, G_N_ELEMENTS(gibs))] * GIB;
    g.min = g.size / 4;
    g.swap = g_rand_boolean(rand) ? g.size / 2 : 0;
    g.settings.shares = g_rand_int_range(rand, 0, 4) == 0 ? SHARES_PER_MIB_HIGH * (g.size / MIB)
                                                          : SHARES_PER_MIB_NORMAL * (g.size / MIB);
    m.size = (double)g.size;
    m.content = (struct work_content){.zero = draw(&m, 0, 0.15),
                                      .compressible = draw(&m, 0.2, 0.6),
                                      .ratio = draw(&m, 0.25, 0.5)};
    kinds[kind](&m);
    return g;
}

struct scene *scene_fleet(uint32_t seed)
{
    struct scene *scene = g_new0(struct scene, 1);
    GRand *rand = g_rand_new_with_seed(seed);
    double overcommit = g_rand_double_range(rand, OVERCOMMIT_MIN, OVERCOMMIT_MAX), sum = 0;

    scene->n = (unsigned)g_rand_int_range(rand, GUESTS_MIN, GUESTS_MAX + 1);
    scene->guests = g_new0(struct sim_guest_spec, scene->n);
    for (unsigned i = 0; i < scene->n; i++) {
        scene->guests[i] = guest(rand, i + 1);
        sum += (double)scene->guests[i].size;
    }
    scene->name = g_strdup_printf("fleet-%u", seed);
    scene->title = g_strdup_printf("%u guests, overcommitted %.2f times", scene->n, overcommit);
    scene->class = SCENE_FLEETS;
    scene->acts = g_array_new(FALSE, FALSE, sizeof(struct scene_act));
    scene->length = LENGTH_SECONDS * USEC_PER_SEC;
    scene->host = (struct sim_host_spec){.capacity = (uint64_t)(sum / overcommit),
                                         .swap = (uint64_t)sum,
                                         .pager_cache_part_permille = 100};
    g_rand_free(rand);
    return scene;
}
