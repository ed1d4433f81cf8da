/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest RAM in a memfd: the file's st_blocks say what it occupies, exactly and at once, whoever has
 * it mapped. fstat also counts what the host has swapped out, so while host swap is in use, the
 * part that is swapped is taken from the last scan.
 *
 * Private anonymous guest RAM: only a walk of the page tables tells it exactly (procscan.c), too
 * expensive for every poll. RssAnon of /proc/PID/status is free, but has the VMM's own memory in
 * it, which changes little and slowly. So
 *
 *     resident now = resident at the last scan + (RssAnon now - RssAnon at the last scan)
 *
 * and a scan is asked for as often as the time budget of all of them has it. What the VMM's own
 * memory grew since the last scan is wrongly counted as guest RAM; the next scan corrects it.
 *
 * RAM of other kinds (hugetlb, files) has the last scan's value: hugetlb changes when the guest
 * first touches it, and can't be ballooned by small pages anyway.
 *
 * Until the first scan is back, resident is the largest value that is possible: claiming too
 * little would let the policy hand out memory that is not there.
 *
 * A process is known by an open descriptor of its /proc directory: lookups in it fail with ESRCH
 * once it has ended, even if its id was given to another.
 */
#include "host/procmem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "core/units.h"
#include "host/procfs.h"

#define STAT_BLOCK 512 /* unit of st_blocks, whatever the file system */

struct procmem {
    struct procscan *scan;
    int dirfd; /* /proc/PID */
    struct ram_block blocks[RAM_BLOCKS_MAX];
    size_t n_blocks;
    struct procscan_request *request; /* under way; NULL: none */
    struct procscan_result exact;     /* of the last scan that went well */
    bool known;                       /* exact is there */
    int error;                        /* of the last scan */
    gint64 next_scan;
};

/* RSS of the process by kind of page, bytes. */
struct process_rss {
    uint64_t anon, file, shmem;
};

struct procmem *procmem_new(struct procscan *scan, const char *host_root, pid_t pid)
{
    char path[PATH_MAX];
    struct procmem *p;
    int dirfd;

    if ((size_t)snprintf(path, sizeof(path), "%s/proc/%d", host_root, (int)pid) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0)
        return NULL;
    p = g_new0(struct procmem, 1);
    p->scan = scan;
    p->dirfd = dirfd;
    return p;
}

void procmem_free(struct procmem *p)
{
    if (!p)
        return;
    if (p->request)
        procscan_cancel(p->request);
    fd_close(&p->dirfd);
    g_free(p);
}

static bool blocks_equal(const struct procmem *p, const struct ram_block *blocks, size_t n)
{
    if (n != p->n_blocks)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (blocks[i].size != p->blocks[i].size || blocks[i].shared != p->blocks[i].shared)
            return false;
    }
    return true;
}

void procmem_set_blocks(struct procmem *p, const struct ram_block *blocks, size_t n)
{
    g_assert(n > 0 && n <= RAM_BLOCKS_MAX);
    if (blocks_equal(p, blocks, n))
        return;
    if (p->request)
        procscan_cancel(g_steal_pointer(&p->request));
    memcpy(p->blocks, blocks, n * sizeof(*blocks));
    p->n_blocks = n;
    p->known = false;
    p->next_scan = 0;
}

static void scan_done(const struct procscan_result *result, void *data)
{
    struct procmem *p = data;

    p->request = NULL;
    p->error = result->error;
    if (result->error == 0) {
        p->exact = *result;
        p->known = true;
    }
    p->next_scan = result->at + (result->error ? PROCMEM_RETRY_USEC : PROCMEM_SCAN_INTERVAL_USEC);
}

/* The budget of all scans holds all the same: it is for small guests, whose scans are short. */
static bool scan_soon(const struct procmem *p, const struct process_rss *rss, gint64 now)
{
    return p->known && ram_kind_of(p->exact.ranges, p->exact.n) == RAM_PRIVATE &&
           now >= p->exact.at + PROCMEM_SCAN_SOON_USEC &&
           rss->anon > p->exact.anon + PROCMEM_SCAN_SOON_BYTES;
}

static void scan_if_due(struct procmem *p, const struct process_rss *rss)
{
    gint64 now = g_get_monotonic_time();

    if (p->request || p->n_blocks == 0 || (now < p->next_scan && !scan_soon(p, rss, now)))
        return;
    p->request = procscan_submit(p->scan, p->dirfd, p->blocks, p->n_blocks, !p->known && !p->error,
                                 scan_done, p);
}

static int rss_read(const struct procmem *p, struct process_rss *ret)
{
    char status[PROCFS_TEXT_MAX];
    int r = procfs_read(p->dirfd, "status", status);

    if (r < 0)
        return r == -ENOENT ? -ESRCH : r; /* its directory is empty once it has ended */
    if (!procfs_get_kib(status, "RssAnon", &ret->anon) ||
        !procfs_get_kib(status, "RssFile", &ret->file) ||
        !procfs_get_kib(status, "RssShmem", &ret->shmem))
        return -ESRCH; /* a zombie has no memory */
    return 0;
}

/* Allocated bytes of the @i-th block's memfd. False where its descriptor is another file now. */
static bool memfd_blocks(const struct procmem *p, size_t i, uint64_t *ret)
{
    const struct ram_range *range = &p->exact.ranges[i];
    char name[32];
    struct stat st;

    (void)snprintf(name, sizeof(name), "fd/%d", p->exact.fds[i]);
    if (fstatat(p->dirfd, name, &st, 0) != 0 || st.st_ino != range->inode ||
        st.st_dev != range->device)
        return false;
    *ret = (uint64_t)st.st_blocks * STAT_BLOCK;
    return true;
}

/* True where all of the guest's RAM is in memfds that could be looked at. */
static bool memfd_resident(const struct procmem *p, uint64_t *ret)
{
    uint64_t sum = 0, bytes = 0;

    for (size_t i = 0; i < p->exact.n; i++) {
        if (p->exact.ranges[i].kind != RAM_MEMFD || p->exact.fds[i] < 0 ||
            !memfd_blocks(p, i, &bytes))
            return false;
        sum += bytes;
    }
    *ret = u64_sub(sum, p->exact.swapped);
    return true;
}

static uint64_t blocks_size(const struct procmem *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->n_blocks; i++)
        sum += p->blocks[i].size;
    return sum;
}

int procmem_measure(struct procmem *p, struct procmem_sample *ret)
{
    struct procmem_sample s = {.error = p->error};
    uint64_t size = blocks_size(p);
    struct process_rss rss;
    int r = rss_read(p, &rss);

    if (r < 0)
        return r;
    scan_if_due(p, &rss);
    if (p->known)
        s.kind = ram_kind_of(p->exact.ranges, p->exact.n);
    if (!p->known) {
        s.resident = rss.anon + rss.shmem;
    } else if (s.kind == RAM_MEMFD && memfd_resident(p, &s.resident)) {
        /* exact */
    } else if (s.kind == RAM_PRIVATE) {
        s.resident = u64_sub(p->exact.rss + rss.anon, p->exact.anon);
    } else if (p->exact.mapped) {
        s.resident = p->exact.rss;
    } else { /* its memfd went out of sight: look again */
        p->known = false;
        p->next_scan = 0;
        s.kind = RAM_UNKNOWN;
        s.resident = rss.anon + rss.shmem;
    }
    if (p->known) {
        s.ranges = p->exact.ranges;
        s.n_ranges = p->exact.n;
        if (s.kind == RAM_PRIVATE)
            s.other_anon = u64_sub(p->exact.anon, p->exact.rss);
    }
    s.resident = u64_min(s.resident, size);
    s.overhead = s.kind == RAM_MEMFD ? rss.anon + rss.file + u64_sub(rss.shmem, s.resident)
                                     : u64_sub(rss.anon + rss.file + rss.shmem, s.resident);
    *ret = s;
    return 0;
}
