/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/runs.h"

#include <stdio.h>
#include <string.h>

#include "scenario/error.h"

/* Where the scenarios are, from the sources. */
#define SCENARIOS SOURCE_DIR "/bench/policies/scenarios"

/* Fleets for each variant of the scenarios: they differ more. */
#define FLEETS_SEED     1000
#define FLEETS_PER_SEED 4

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Paths of the .ini files of @directory, sorted. */
static GPtrArray *find_files(const char *directory, GError **error)
{
    GPtrArray *ret = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(directory, 0, error);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ".ini"))
            g_ptr_array_add(ret, g_build_filename(directory, name, NULL));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_sort(ret, by_name);
    return ret;
}

static bool wanted(const struct runs_selection *sel, const struct scene *scene)
{
    return (sel->class == 0 || sel->class == scene->class) &&
           (!sel->scene || g_str_has_prefix(scene->name, sel->scene));
}

static bool has_swap(const struct scene *scene)
{
    for (unsigned i = 0; i < scene->n; i++)
        if (scene->guests[i].swap > 0)
            return true;
    return false;
}

static void add_variants(struct runs *runs, const struct runs_selection *sel,
                         const struct scene *scene)
{
    for (uint32_t seed = 0; seed < sel->seeds; seed++)
        for (int swap = 1; swap >= 0; swap--) {
            struct scene *variant;

            if (!swap && (sel->swap_only || !has_swap(scene)))
                continue;
            variant = scene_vary(scene, seed, swap);
            if (wanted(sel, variant))
                g_ptr_array_add(runs->scenes, variant);
            else
                scene_free(variant);
        }
}

static bool add_files(struct runs *runs, const struct runs_selection *sel, GError **error)
{
    GError *why = NULL;
    g_autoptr(GPtrArray) paths = find_files(sel->directory ? sel->directory : SCENARIOS, &why);

    for (unsigned i = 0; i < paths->len && !why; i++) {
        struct scene *scene = scene_load(paths->pdata[i], &why);

        if (!scene)
            break;
        add_variants(runs, sel, scene);
        scene_free(scene);
    }
    if (why)
        g_propagate_error(error, why);
    return !why;
}

static void add_fleets(struct runs *runs, const struct runs_selection *sel)
{
    for (uint32_t seed = 0; seed < FLEETS_PER_SEED * sel->seeds; seed++) {
        struct scene *scene = scene_fleet(FLEETS_SEED + seed);

        if (wanted(sel, scene))
            g_ptr_array_add(runs->scenes, scene);
        else
            scene_free(scene);
    }
}

static void free_scene(void *scene)
{
    scene_free(scene);
}

struct runs *runs_new(const struct runs_selection *sel, GError **error)
{
    struct runs *runs = g_new0(struct runs, 1);

    runs->scenes = g_ptr_array_new_with_free_func(free_scene);
    runs->policies = g_ptr_array_new();
    runs->trials = g_array_new(FALSE, TRUE, sizeof(struct trial));
    for (size_t i = 0; POLICIES[i]; i++)
        if (!sel->policy || strcmp(sel->policy, POLICIES[i]->name) == 0)
            g_ptr_array_add(runs->policies, (void *)(uintptr_t)POLICIES[i]);
    if (!add_files(runs, sel, error)) {
        runs_free(runs);
        return NULL;
    }
    add_fleets(runs, sel);
    if (runs->scenes->len == 0 || runs->policies->len == 0) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_INVALID, "nothing to run: no such %s",
                    runs->policies->len == 0 ? "policy" : "class or scene");
        runs_free(runs);
        return NULL;
    }
    g_array_set_size(runs->trials, runs->scenes->len * runs->policies->len);
    return runs;
}

void runs_free(struct runs *runs)
{
    g_ptr_array_unref(runs->scenes);
    g_ptr_array_unref(runs->policies);
    g_array_unref(runs->trials);
    g_free(runs);
}

int runs_policy(const struct runs *runs, const struct manager_ops *policy)
{
    for (unsigned i = 0; i < runs->policies->len; i++)
        if (runs->policies->pdata[i] == policy)
            return (int)i;
    return -1;
}

struct work_area {
    struct runs *runs;
    bool progress;
};

/* One scene under all policies; @data is its number from 1. */
static void perform(void *data, void *user_data)
{
    const struct work_area *area = user_data;
    struct runs *runs = area->runs;
    unsigned n = GPOINTER_TO_UINT(data) - 1;
    const struct scene *scene = runs->scenes->pdata[n];
    g_autofree double *unlimited = trial_unlimited(scene, n + 1);

    for (unsigned p = 0; p < runs->policies->len; p++) {
        struct trial *t = &g_array_index(runs->trials, struct trial, n * runs->policies->len + p);

        *t = (struct trial){.scene = scene,
                            .policy = runs->policies->pdata[p],
                            .seed = n + 1,
                            .unlimited = unlimited};
        trial_run(t);
        t->unlimited = NULL;
    }
    if (area->progress)
        (void)fputc('.', stderr);
}

void runs_perform(struct runs *runs, bool progress)
{
    struct work_area area = {runs, progress};
    GThreadPool *pool = g_thread_pool_new(perform, &area, (int)g_get_num_processors(), TRUE, NULL);

    /* the large ones first: they stand last */
    for (unsigned n = runs->scenes->len; n > 0; n--)
        g_thread_pool_push(pool, GUINT_TO_POINTER(n), NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
    if (progress)
        (void)fputc('\n', stderr);
}
