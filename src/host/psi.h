/* SPDX-License-Identifier: Apache-2.0 */
/* Pressure stall information for memory, /proc/pressure/memory (Documentation/accounting/psi.rst).
 */
#pragma once

#include <stdint.h>

struct psi_line {
    double avg10, avg60, avg300; /* percent of the last 10, 60, 300 s */
    uint64_t total_usec;         /* since boot */
};

struct psi {
    struct psi_line some; /* at least one task waited for memory */
    struct psi_line full; /* all of them did */
};

/* @host_root "" on a real host. Returns 0 or -errno: -ENOENT where the kernel has none, -EOPNOTSUPP
 * where it is switched off (psi=0), -EBADMSG where the file has another format. */
int psi_memory_read(const char *host_root, struct psi *ret);

/* The same of @path relative to the directory @dirfd: memory.pressure of a cgroup. */
int psi_read(int dirfd, const char *path, struct psi *ret);
