/* SPDX-License-Identifier: Apache-2.0 */
/* One scenario file, read and checked: docs/aerostat-scenario.5.scd has the format. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "scenario/goal.h"
#include "scenario/phase.h"

/* Guests of one scenario, phases of one of them. */
#define SCENARIO_GUESTS_MAX 64
#define SCENARIO_PHASES_MAX 1024

enum guest_ram {
    GUEST_RAM_MEMFD,   /* -object memory-backend-memfd,share=on */
    GUEST_RAM_PRIVATE, /* -m alone: private anonymous */
};

/* How far the guest's balloon can be had. */
enum guest_balloon {
    BALLOON_WORKS,
    BALLOON_NO_DRIVER, /* a device, but the guest loads no driver */
    BALLOON_NO_DEVICE,
    BALLOON_IGNORES, /* commands are answered, and nothing happens */
    /* Only simulated, from here on: */
    BALLOON_SLOW,  /* a twentieth of the usual speed */
    BALLOON_STUCK, /* it stops for good after a quarter of the guest's size */
};

/* What the daemon is told when it asks the guest for statistics (liar.h). */
enum guest_lie {
    LIE_NONE,
    LIE_IDLE,    /* nearly everything is available, nothing is paged */
    LIE_STARVED, /* nothing is available, heavy swap-in and faults */
    LIE_FROZEN,  /* the first reading for ever */
    LIE_ABSURD,  /* more than exists */
    /* Only simulated, from here on: */
    LIE_NO_STATS, /* the driver obeys, but tells nothing */
    LIE_LATE,     /* a guest that thrashes answers late or never */
    LIE_WINDOWS,  /* nothing is free or available, and what the balloon holds counts as used */
};

struct scenario_guest {
    char *name;
    uint64_t size;
    uint64_t min; /* for managers that know a dynamic minimum; 0: theirs to choose */
    int ram;      /* enum guest_ram */
    unsigned vcpus;
    unsigned count; /* as written; the guests of one section are NAME1, NAME2, ... */
    int balloon;    /* enum guest_balloon */
    int lie;        /* enum guest_lie */
    bool deflate_on_oom;
    bool free_page_reporting;
    uint64_t swap;
    uint64_t disk;
    bool programs; /* the image of tools/programs is attached */
    char *shares;  /* as in aerostat.conf: a number or low, normal, high; NULL: the default */
    uint64_t reservation;
    uint64_t limit;
    bool exempt;
    bool pager;     /* it may have one, where the scenario has pagers */
    char *share;    /* trust domain in which its pages may be merged; NULL: none */
    double start;   /* seconds on the clock; 0: before the clock starts */
    GArray *phases; /* struct phase, in order of time */
};

/* One line of the daemon's configuration, [section] key = value. */
struct scenario_setting {
    char *section, *key, *value;
};

struct scenario {
    char *path;
    char *title;
    uint64_t capacity;
    char *mode;    /* "manage" or "observe" */
    double length; /* seconds; the last phase and a while where the file does not say; 0: as long as
                      the trace */
    bool pager;    /* guests get pagers */
    bool alone;    /* measure each guest's work alone first */
    double alone_seconds;
    double interval; /* seconds between two samples */
    /* Of simulations only: */
    char *trace;         /* file of it, from the scenario's place; NULL: none */
    uint64_t host_swap;  /* 0: as much as all guests have memory */
    GRand *rand;         /* of phases at random times */
    unsigned seed;       /* of it; AEROSTAT_SEED sets it */
    bool random;         /* there are such phases */
    GPtrArray *guests;   /* struct scenario_guest */
    GArray *phases;      /* struct phase of the host, in order of time */
    GPtrArray *settings; /* struct scenario_setting */
    GArray *goals;       /* struct goal */
};

/* Times that are random come from AEROSTAT_SEED in the environment, else are new each time. */
struct scenario *scenario_load(const char *path, GError **error);
struct scenario *scenario_load_seeded(const char *path, unsigned seed, GError **error);

/* One without anything in it. */
struct scenario *scenario_new(const char *path, unsigned seed);
void scenario_free(struct scenario *s);

/* With the defaults of [guest]; scenario->guests owns those that are in it. */
struct scenario_guest *scenario_guest_new(const char *name);
struct scenario_guest *scenario_guest_copy(const struct scenario_guest *g, char *name);
void scenario_guest_free(struct scenario_guest *g);

static inline struct scenario_guest *scenario_guest(const struct scenario *s, unsigned i)
{
    return g_ptr_array_index(s->guests, i);
}

/* The first guest that can't be had on a real host, or NULL. */
const struct scenario_guest *scenario_only_simulated(const struct scenario *s);

/* Index of the guest called @name, or -1. */
int scenario_find(const struct scenario *s, const char *name);
