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
 * below that are this one. @host_root: "" on a real host. 0, -ENOENT: no cgroup v2 memory
 * controller governs it, -EBUSY: it shares its cgroup with others (or is in the root), -ESRCH, or
 * another -errno.
 */
int cgroup_find(const char *host_root, pid_t pid, struct cgroup **ret);

/* What was written to its files and differs from what was found is put back, unless somebody else
 * has set it since; by whoever finds it next where this is not called (a kill). May be called while
 * cgroup_reclaim runs. */
void cgroup_put_back(struct cgroup *c);

/* Puts back, too. */
void cgroup_free(struct cgroup *c);

/* Still that process alone? 0, -EBUSY, -ENOENT: it is gone, or another -errno. */
int cgroup_check(const struct cgroup *c);

/* As the kernel names it: "/machine.slice/...". */
const char *cgroup_path(const struct cgroup *c);

struct cgroup_figures {
    uint64_t zswap;         /* bytes; CGROUP_UNKNOWN where this kernel does not say */
    uint64_t pressure_usec; /* total of "some" in memory.pressure; CGROUP_UNKNOWN */
};

/* 0, -ENOENT: it is gone, or another -errno. What this kernel does not have is unknown, no error.
 */
int cgroup_read(const struct cgroup *c, struct cgroup_figures *ret);

/*
 * Has the kernel reclaim @bytes from it (memory.reclaim); anonymous memory only where the kernel
 * can be told so. Blocks as long as that takes: not for the main loop; nothing else of @c may be
 * called meanwhile but cgroup_read. It may take some more than @bytes. 0, -EAGAIN: less was to be
 * had, -EOPNOTSUPP: this kernel has no memory.reclaim, -EBUSY: it is not alone in there any more,
 * or another -errno.
 */
int cgroup_reclaim(const struct cgroup *c, uint64_t bytes);

/*
 * memory.min, memory.low: bytes. memory.swap.max: bytes or CGROUP_NO_LIMIT. Written where it
 * differs; never less protection, nor a higher limit, than what was found or what somebody else has
 * set since, which is the operator's. A file that this kernel does not have is passed over. 0 or
 * the first -errno.
 *
 * Protection holds against others' need only as far as the parents have as much of it
 * (machine.slice: MemoryMin=), and never against cgroup_reclaim of this very cgroup.
 */
struct cgroup_limits {
    uint64_t min, low, swap_max;
};
int cgroup_limit(struct cgroup *c, const struct cgroup_limits *limits);
