/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policies are tried on: a host and its guests with their work. Most are scenario files (one
 * of a class of failures that peers are known for each); fleets are drawn at random.
 */
#pragma once

#include <glib.h>

#include "sim/sim.h"

/* The failure classes of the peers, from 1, and random fleets after them. */
#define SCENE_CLASSES 12
#define SCENE_FLEETS  (SCENE_CLASSES + 1)

/* Guests boot and fill until then: what they lose meanwhile is not counted. */
#define SCENE_WARM_UP (300 * USEC_PER_SEC)

enum scene_act_kind {
    SCENE_CAPACITY,
    SCENE_MANAGER_OFF,
    SCENE_MANAGER_ON,
    SCENE_PAUSE,
    SCENE_RESUME,
    SCENE_END,
};

/* What is done to the host or to a guest, besides the guests' work. */
struct scene_act {
    usec_t at;
    enum scene_act_kind kind;
    unsigned guest;
    uint64_t bytes; /* SCENE_CAPACITY */
};

struct scene {
    char *name; /* "02-starved-16g" */
    char *title;
    unsigned class; /* 1 to SCENE_FLEETS */
    struct sim_host_spec host;
    struct sim_guest_spec *guests; /* with their work and names */
    unsigned n;
    GArray *acts; /* struct scene_act, in order of time */
    usec_t length;
};

/* "A busy guest is ballooned until it dies": what the class is about. */
const char *scene_class_title(unsigned class);

/* A scenario file whose name begins with its class, as 02-starved-16g.ini. */
struct scene *scene_load(const char *path, GError **error);

/* A fleet of twenty to forty guests, drawn. */
struct scene *scene_fleet(uint32_t seed);

/*
 * Another scene of the same kind: the guests' memory and times are changed a little, by chance, so
 * that no policy can be made for one; @swap: guests that have swap of their own in the file are
 * given none (false). Seed 0 changes no size and no time.
 */
struct scene *scene_vary(const struct scene *scene, uint32_t seed, bool swap);

void scene_free(struct scene *scene);
