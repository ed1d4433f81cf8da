/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's page tables say of one page of a process: /proc/PID/pagemap
 * (Documentation/admin-guide/mm/pagemap.rst).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HOSTPAGE_BYTES UINT64_C(4096)

enum hostpage_state {
    HOSTPAGE_NONE,    /* no page is mapped there now; a shared file's page may be in memory all the
                         same */
    HOSTPAGE_PRESENT, /* in memory */
    HOSTPAGE_SWAPPED, /* in swap space of the kernel's, or on its way */
};

struct hostpage {
    enum hostpage_state state;
    uint64_t frame;       /* present: host-physical page frame number; 0: hidden, the kernel shows
                             it to CAP_SYS_ADMIN alone */
    bool write_protected; /* by userfaultfd */
};

/*
 * The page at @address of process @pid, below @host_root ("" on a real host). 0, -ESRCH: there is
 * no such process, -EACCES or -EPERM: no right to look, -EIO: the kernel has no entry for this
 * address, or another -errno.
 */
int hostpage_look(const char *host_root, pid_t pid, uint64_t address, struct hostpage *ret);
