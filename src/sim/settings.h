/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of aerostat.conf means something in a simulation: the keys of the policy, of the pagers'
 * samples and cache, of sharing and of blocking.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sim/manager.h"

struct sim_settings {
    struct manager_aerostat_config aerostat;
    double pager_cache; /* largest compression cache, as a part of the guest's size */
    bool pager_enable;  /* guests may have pagers */
};

struct sim_settings sim_settings_default(void);

enum settings_outcome {
    SETTINGS_TAKEN,
    SETTINGS_NOT_SIMULATED, /* no key that means something here */
    SETTINGS_WRONG,         /* @error: the value */
};

enum settings_outcome sim_settings_set(struct sim_settings *settings, const char *section,
                                       const char *key, const char *value, GError **error);
