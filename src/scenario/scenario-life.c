/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario as an object; scenario.c reads one from its file. */
#include "scenario/scenario.h"

#include <string.h>

#define ALONE_SECONDS 6.0
#define INTERVAL      0.5 /* between two samples, where it does not say */

/* Of struct phase, which it clears. */
static GArray *phases_new(void)
{
    GArray *phases = g_array_new(FALSE, FALSE, sizeof(struct phase));

    g_array_set_clear_func(phases, (GDestroyNotify)phase_clear);
    return phases;
}

struct scenario_guest *scenario_guest_new(const char *name)
{
    struct scenario_guest *g = g_new0(struct scenario_guest, 1);

    g->name = g_strdup(name);
    g->vcpus = 1;
    g->pager = true;
    g->phases = phases_new();
    return g;
}

void scenario_guest_free(struct scenario_guest *g)
{
    g_free(g->name);
    g_free(g->shares);
    g_free(g->share);
    g_array_unref(g->phases);
    g_free(g);
}

struct scenario_guest *scenario_guest_copy(const struct scenario_guest *g, char *name)
{
    struct scenario_guest *copy = g_memdup2(g, sizeof(*g));

    copy->name = name;
    copy->shares = g_strdup(g->shares);
    copy->share = g_strdup(g->share);
    copy->phases = g_array_ref(g->phases);
    return copy;
}

static void setting_free(void *data)
{
    struct scenario_setting *setting = data;

    g_free(setting->section);
    g_free(setting->key);
    g_free(setting->value);
    g_free(setting);
}

struct scenario *scenario_new(const char *path, unsigned seed)
{
    struct scenario *s = g_new0(struct scenario, 1);

    s->path = g_strdup(path);
    s->mode = g_strdup("manage");
    s->alone_seconds = ALONE_SECONDS;
    s->interval = INTERVAL;
    s->seed = seed;
    s->rand = g_rand_new_with_seed(s->seed);
    s->guests = g_ptr_array_new_with_free_func((GDestroyNotify)scenario_guest_free);
    s->phases = phases_new();
    s->settings = g_ptr_array_new_with_free_func(setting_free);
    s->goals = g_array_new(FALSE, FALSE, sizeof(struct goal));
    g_array_set_clear_func(s->goals, (GDestroyNotify)goal_clear);
    return s;
}

void scenario_free(struct scenario *s)
{
    g_free(s->path);
    g_free(s->title);
    g_free(s->mode);
    g_free(s->trace);
    g_rand_free(s->rand);
    g_ptr_array_unref(s->guests);
    g_array_unref(s->phases);
    g_ptr_array_unref(s->settings);
    g_array_unref(s->goals);
    g_free(s);
}

int scenario_find(const struct scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->guests->len; i++)
        if (strcmp(scenario_guest(s, i)->name, name) == 0)
            return (int)i;
    return -1;
}

const struct scenario_guest *scenario_only_simulated(const struct scenario *s)
{
    for (unsigned i = 0; i < s->guests->len; i++) {
        const struct scenario_guest *g = scenario_guest(s, i);

        if (g->balloon >= BALLOON_SLOW || g->lie >= LIE_NO_STATS)
            return g;
    }
    return NULL;
}
