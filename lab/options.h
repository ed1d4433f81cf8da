/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of aerostat-lab. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct options {
    char *scenario;
    bool no_manager; /* run the guests alone with each other */
    bool observe;    /* the daemon decides, but does not act */
    bool no_alone;   /* leave the pass before out */
    bool check;      /* read the scenario and end */
    bool keep;       /* keep the directory with the logs */
    bool quiet;      /* no live table */
    bool version;
    char *csv, *json, *svg; /* where the time series goes; NULL: nowhere */
};

bool options_parse(struct options *o, int *argc, char ***argv, GError **error);
void options_clear(struct options *o);
