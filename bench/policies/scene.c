/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/scene.h"

#include <string.h>

#include "scenario/error.h"
#include "sim/case.h"

/* How far sizes and times are changed by a seed. */
#define SIZE_SPREAD 0.1
#define TIME_SPREAD (15 * USEC_PER_SEC)

/* What a guest's work may hold at most, of its size: its kernel needs some, too. */
#define WORK_MOST 0.93

const char *scene_class_title(unsigned class)
{
    static const char *const titles[] = {
        [1] = "a busy guest is ballooned until it dies",
        [2] = "a small guest starves beside an idle one, the host at its goal",
        [3] = "a sudden burst of gigabytes",
        [4] = "a cache-heavy idle guest and a busy one with a cold cache",
        [5] = "guests whose demand alternates",
        [6] = "balloon drivers that are stuck, dead or slow",
        [7] = "statistics that are absent, late or of the Windows kind",
        [8] = "all need more than there is",
        [9] = "a guest starts on a full host",
        [10] = "identical guests",
        [11] = "the manager dies, with balloons inflated",
        [12] = "a guest is paused, as for a migration",
        [SCENE_FLEETS] = "random fleets",
    };

    return class < G_N_ELEMENTS(titles) && titles[class] ? titles[class] : "";
}

static void copy_guest(struct sim_guest_spec *to, const struct sim_guest_spec *from)
{
    *to = *from;
    to->name = g_strdup(from->name);
    to->work = (struct work){0};
    for (size_t i = 0; i < from->work.n; i++)
        work_append(&to->work, &from->work.steps[i]);
}

static void copy_guests(struct scene *scene, const struct sim_guest_spec *guests, unsigned n)
{
    scene->guests = g_new0(struct sim_guest_spec, n);
    scene->n = n;
    for (unsigned i = 0; i < n; i++)
        copy_guest(&scene->guests[i], &guests[i]);
}

static bool kind_of(const struct phase *p, enum scene_act_kind *ret)
{
    switch ((int)p->kind) {
    case PHASE_CAPACITY:
        *ret = SCENE_CAPACITY;
        return true;
    case PHASE_DAEMON_KILL:
        *ret = SCENE_MANAGER_OFF;
        return true;
    case PHASE_DAEMON_START:
        *ret = SCENE_MANAGER_ON;
        return true;
    case PHASE_PAUSE:
    case PHASE_FREEZE:
        *ret = SCENE_PAUSE;
        return true;
    case PHASE_RESUME:
    case PHASE_THAW:
        *ret = SCENE_RESUME;
        return true;
    case PHASE_QUIT:
    case PHASE_KILL:
        *ret = SCENE_END;
        return true;
    default:
        return false;
    }
}

/* The class is the number that the file's name begins with. */
static bool read_class(struct scene *scene, const char *path, GError **error)
{
    g_autofree char *base = g_path_get_basename(path);
    char *end;

    scene->class = (unsigned)g_ascii_strtoull(base, &end, 10);
    scene->name =
        g_str_has_suffix(base, ".ini") ? g_strndup(base, strlen(base) - 4) : g_strdup(base);
    if (end == base || *end != '-' || scene->class < 1 || scene->class > SCENE_CLASSES) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID,
                    "%s: its name has to begin with its class, as 03-burst.ini", path);
        return false;
    }
    return true;
}

struct scene *scene_load(const char *path, GError **error)
{
    const struct case_options options = {.seed = 1};
    struct scene *scene = g_new0(struct scene, 1);
    struct sim_case *c;

    scene->acts = g_array_new(FALSE, FALSE, sizeof(struct scene_act));
    if (!read_class(scene, path, error) || !(c = case_load(path, &options, error))) {
        scene_free(scene);
        return NULL;
    }
    scene->title = g_strdup(c->scenario->title);
    scene->host = c->host;
    scene->length = case_end(c);
    copy_guests(scene, c->guests, c->scenario->guests->len);
    for (unsigned i = 0; i < c->acts->len; i++) {
        const struct case_act *a = &g_array_index(c->acts, struct case_act, i);
        struct scene_act act = {.at = a->at, .guest = a->guest, .bytes = a->phase->bytes};

        if (kind_of(a->phase, &act.kind))
            g_array_append_val(scene->acts, act);
    }
    case_free(c);
    return scene;
}

static double work_bytes(const struct work_step *step)
{
    double sum = (double)step->own;

    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++)
        sum += (double)step->cache[i].bytes;
    return sum;
}

static uint64_t scaled(uint64_t bytes, double by)
{
    return (uint64_t)((double)bytes * by) & ~(uint64_t)4095;
}

static void scale_step(struct work_step *step, double by)
{
    step->own = scaled(step->own, by);
    step->cold_cache = scaled(step->cold_cache, by);
    step->stream = scaled(step->stream, by);
    for (unsigned i = 0; i < WORK_CLASSES_MAX; i++) {
        step->anon[i].bytes = scaled(step->anon[i].bytes, by);
        step->cache[i].bytes = scaled(step->cache[i].bytes, by);
    }
}

static void vary_guest(struct sim_guest_spec *g, GRand *rand)
{
    double by = g_rand_double_range(rand, 1 - SIZE_SPREAD, 1 + SIZE_SPREAD), most = 0;
    usec_t later = (usec_t)g_rand_double_range(rand, 0, (double)TIME_SPREAD);

    for (size_t i = 0; i < g->work.n; i++)
        most = MAX(most, work_bytes(&g->work.steps[i]));
    if (most * by > WORK_MOST * (double)g->size)
        by = MAX(WORK_MOST * (double)g->size / most, 1 - SIZE_SPREAD);
    for (size_t i = 0; i < g->work.n; i++) {
        struct work_step *step = &g->work.steps[i];

        scale_step(step, by);
        if (step->at >= SCENE_WARM_UP)
            step->at += later;
    }
}

struct scene *scene_vary(const struct scene *scene, uint32_t seed, bool swap)
{
    struct scene *ret = g_new0(struct scene, 1);
    GRand *rand = g_rand_new_with_seed(seed);

    ret->name = g_strdup_printf("%s%s", scene->name, swap ? "" : "+noswap");
    ret->title = g_strdup(scene->title);
    ret->class = scene->class;
    ret->host = scene->host;
    ret->length = scene->length;
    ret->acts = g_array_ref(scene->acts);
    copy_guests(ret, scene->guests, scene->n);
    for (unsigned i = 0; i < ret->n; i++) {
        if (!swap)
            ret->guests[i].swap = 0;
        if (seed > 0)
            vary_guest(&ret->guests[i], rand);
    }
    g_rand_free(rand);
    return ret;
}

void scene_free(struct scene *scene)
{
    if (!scene)
        return;
    for (unsigned i = 0; i < scene->n; i++) {
        work_clear(&scene->guests[i].work);
        g_free((char *)(uintptr_t)scene->guests[i].name);
    }
    g_free(scene->guests);
    g_array_unref(scene->acts);
    g_free(scene->name);
    g_free(scene->title);
    g_free(scene);
}
