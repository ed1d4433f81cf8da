/* SPDX-License-Identifier: Apache-2.0 */
#include "host/meminfo.h"

#include <errno.h>

#include "core/units.h"
#include "host/procfs.h"

static uint64_t value(const char *text, const char *key)
{
    uint64_t bytes = 0;

    (void)procfs_get_kib(text, key, &bytes);
    return bytes;
}

/* What is on the lists of anonymous memory and neither mapped nor a tmpfs's is swap cache. (Locked
 * pages of files are in the sum by mistake.) */
static uint64_t unmapped_anon(const char *text)
{
    uint64_t listed =
        value(text, "Active(anon)") + value(text, "Inactive(anon)") + value(text, "Unevictable");

    return u64_sub(listed, value(text, "AnonPages") + value(text, "Shmem"));
}

int meminfo_read(const char *host_root, struct meminfo *ret)
{
    char text[PROCFS_TEXT_MAX];
    struct meminfo m = {0};
    int r = procfs_read_root(host_root, "/proc/meminfo", text);

    if (r < 0)
        return r;
    if (!procfs_get_kib(text, "MemTotal", &m.total) || !procfs_get_kib(text, "MemFree", &m.free) ||
        !procfs_get_kib(text, "MemAvailable", &m.available) ||
        !procfs_get_kib(text, "SwapTotal", &m.swap_total) ||
        !procfs_get_kib(text, "SwapFree", &m.swap_free))
        return -EBADMSG;
    (void)procfs_get_kib(text, "SwapCached", &m.swap_cached); /* a kernel without swap has none */
    m.unmapped = u64_min(unmapped_anon(text), m.swap_cached);
    if (!procfs_get_kib(text, "Zswap", &m.zswap) || !procfs_get_kib(text, "Zswapped", &m.zswapped))
        m.zswap = m.zswapped = MEMINFO_UNKNOWN;
    *ret = m;
    return 0;
}
