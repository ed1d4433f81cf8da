/* SPDX-License-Identifier: Apache-2.0 */
/* What the guests may occupy, by the configuration and by what the host says of itself. */
#pragma once

#include "core/policy.h"
#include "daemon/config.h"

/*
 * Fills @ret with capacity and free_measured. With a fixed capacity the host is not asked, and it
 * may be a part of it only. Returns 0 or -errno: -ERANGE where the reserve leaves nothing of the
 * host's memory, else what reading meminfo below @host_root ("" on a real host) gave.
 */
int capacity_observe(const struct config *config, const char *host_root,
                     struct host_observation *ret);

/* False and a CONFIG_ERROR where capacity_observe would not do on this host. */
bool capacity_check(const struct config *config, const char *host_root, GError **error);
