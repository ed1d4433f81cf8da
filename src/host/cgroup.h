/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup v2 that holds one VMM process and nothing else: reclaim from it, protect it, see how
 * it suffers (Documentation/admin-guide/cgroup-v2.rst). One that holds others as well is not ours
 * to use.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup;

#define CGROUP_UNKNOWN  UINT64_MAX
#define CGROUP_NO_LIMIT UINT64_MAX

/*
 * That of process @pid: the nearest directory above it that has memory.current, if all processes
 * below that are this one. 0, -ENOENT: no cgroup v2 memory controller governs it, -EBUSY: it shares
 * its cgroup with others (or is in the root), -ESRCH, or another -errno.
 */
int cgroup_find(const char *host_root, pid_t pid, struct cgroup **ret);

/* What was written to its files and differs from what was found is put back where the cgroup lives.
 */
void cgroup_free(struct cgroup *c);

const char *cgroup_path(const struct cgroup *c);

struct cgroup_figures {
    uint64_t current, anon, swap, zswap; /* bytes; CGROUP_UNKNOWN where this kernel does not say */
    uint64_t refaults;                   /* pages, workingset_refault_anon; CGROUP_UNKNOWN */
    uint64_t pressure_some_usec;         /* total of memory.pressure; CGROUP_UNKNOWN */
    uint64_t pressure_full_usec;
};

int cgroup_read(const struct cgroup *c, struct cgroup_figures *ret);

/*
 * Has the kernel reclaim @bytes from it (memory.reclaim). Blocks as long as that takes: not for the
 * main loop. 0, -EAGAIN: less was to be had, -EOPNOTSUPP: this kernel has no memory.reclaim, or
 * another -errno.
 */
int cgroup_reclaim(const struct cgroup *c, uint64_t bytes);

/* memory.min, memory.low: bytes. memory.high, memory.swap.max: bytes or CGROUP_NO_LIMIT; writes
 * that lower memory.high do not wait for reclaim. Written where it differs. 0 or -errno. */
struct cgroup_limits {
    uint64_t min, low, high, swap_max;
};
int cgroup_limit(struct cgroup *c, const struct cgroup_limits *limits);
