/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of aerostat-lab. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Exit statuses. */
enum lab_exit {
    LAB_EXIT_OK = 0,
    LAB_EXIT_MISSED = 1, /* a goal of the scenario was missed */
    LAB_EXIT_USAGE = 2,  /* wrong command line or scenario */
    LAB_EXIT_TROUBLE =
        3, /* the run could not be made: no QEMU, no daemon, a guest that does not boot */
};

struct options {
    char *scenario;  /* with calibrate: where the costs go, or NULL */
    bool no_manager; /* run the guests alone with each other, or under */
    char *manager;   /* another manager: a command; NULL: none */
    bool observe;    /* the daemon decides, but does not act */
    bool no_alone;   /* leave the pass before out */
    bool check;      /* read the scenario and end */
    bool keep;       /* keep the directory with the logs */
    bool quiet;      /* no live table */
    bool version;
    bool calibrate;
    char *csv, *json, *svg; /* where the time series goes; NULL: nowhere */
};

bool options_parse(struct options *o, int *argc, char ***argv, GError **error);
void options_clear(struct options *o);
