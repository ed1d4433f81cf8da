/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/capacity.h"

#include <errno.h>

#include "host/meminfo.h"

#define RESERVE_BASE    (512 * MIB)
#define RESERVE_PART    20 /* one in... */
#define RESERVE_AT_MOST 4  /* one in... */

static uint64_t reserve_bytes(const struct config *config, uint64_t total)
{
    if (config->reserve != SIZE_AUTO)
        return config->reserve;
    return u64_min(RESERVE_BASE + total / RESERVE_PART, total / RESERVE_AT_MOST);
}

int capacity_observe(const struct config *config, const char *host_root,
                     struct host_observation *ret)
{
    struct meminfo mem;
    int r;

    if (config->capacity != SIZE_AUTO) {
        *ret = (struct host_observation){.capacity = config->capacity, .free_measured = UINT64_MAX};
        return 0;
    }
    r = meminfo_read(host_root, &mem);
    if (r < 0)
        return r;
    if (reserve_bytes(config, mem.total) >= mem.total)
        return -ERANGE;
    /* The reserve is not taken off what is available: what the host itself uses, mostly out of the
     * reserve, is off it already. */
    *ret = (struct host_observation){
        .capacity = mem.total - reserve_bytes(config, mem.total),
        .free_measured = mem.available,
    };
    return 0;
}

bool capacity_check(const struct config *config, const char *host_root, GError **error)
{
    struct host_observation seen;
    int r = capacity_observe(config, host_root, &seen);

    if (r == -ERANGE)
        g_set_error(
            error, CONFIG_ERROR, 0,
            "[host] reserve leaves nothing of this host's memory; lower it, or set capacity");
    else if (r < 0)
        g_set_error(error, CONFIG_ERROR, 0,
                    "[host] capacity = auto: the host's memory can't be read (%s); set a size",
                    g_strerror(-r));
    return r == 0;
}
