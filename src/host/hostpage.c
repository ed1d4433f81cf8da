/* SPDX-License-Identifier: Apache-2.0 */
#include "host/hostpage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/cleanup.h"

#define PRESENT         (UINT64_C(1) << 63)
#define SWAPPED         (UINT64_C(1) << 62)
#define WRITE_PROTECTED (UINT64_C(1) << 57) /* by userfaultfd; since Linux 5.14 */
#define LOCATION        ((UINT64_C(1) << 55) - 1)

static struct hostpage parse(uint64_t entry)
{
    struct hostpage page = {.state = HOSTPAGE_NONE, .write_protected = entry & WRITE_PROTECTED};

    /* Where nothing is mapped, a write protection is left behind in an entry of swap's kind. Real
     * ones of a guest with a pager are hidden by that; they are rare, and its map knows better. */
    if (entry & PRESENT)
        page.state = HOSTPAGE_PRESENT;
    else if ((entry & SWAPPED) && !page.write_protected)
        page.state = HOSTPAGE_SWAPPED;
    if (page.state == HOSTPAGE_PRESENT)
        page.frame = entry & LOCATION;
    return page;
}

int hostpage_look(const char *host_root, pid_t pid, uint64_t address, struct hostpage *ret)
{
    char path[PATH_MAX];
    uint64_t entry;
    ssize_t n;
    autofd fd = -1;

    if ((size_t)snprintf(path, sizeof(path), "%s/proc/%d/pagemap", host_root, (int)pid) >=
        sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    n = pread(fd, &entry, sizeof(entry), (off_t)(address / HOSTPAGE_BYTES * sizeof(entry)));
    if (n < 0)
        return -errno;
    /* A process that ends meanwhile has no memory any more: nothing is read. */
    if (n != sizeof(entry))
        return n == 0 ? -EIO : -EBADMSG;
    *ret = parse(entry);
    return 0;
}
