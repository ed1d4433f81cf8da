/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory: PAGEOUT unmaps pages and has them written; its return value says how many it was asked,
 * never how many went. So pagemap is looked at.
 *
 * Where the swap space is a file or a disk, the memory is not free after that: the kernel keeps the
 * page as swap cache, clean once it is written, until it reclaims for other reasons. So such a page
 * is read once: that maps it again, clean and with its slot kept. A clean page that is paged out
 * the second time is freed within the call, and nothing is written. (With zswap or zram, the first
 * call frees already.) The slot is kept only while less than half of the swap space is in use
 * (vm_swap_full()): beyond that the second call writes it again.
 *
 * What its owner writes to between the two calls would be written a second time and stay in memory
 * as before, unmapped and so counted as nobody's. So the second half goes in small batches, a
 * millisecond from reading to the call, once the batch is written; and pages that have come back by
 * themselves are left alone.
 *
 * A page that is written by its owner between the two stays his, whatever happens: the kernel
 * decides, and nothing here holds or moves content.
 *
 * What can't go (kernel 6.18, madvise_cold_or_pageout_pte_range, shrink_folio_list): pages that are
 * mapped twice (KSM, after a fork), pinned for DMA, being written just now, or waiting in another
 * processor's batch to be put on the LRU. The latter two are a matter of milliseconds.
 */
#include "host/pageout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/uio.h>
#include <time.h>

#include "base/cleanup.h"
#include "host/pageframes.h"
#include "host/procfs.h"

#define PRESENT   (UINT64_C(1) << 63)
#define SWAPPED   (UINT64_C(1) << 62)
#define FILE_PAGE (UINT64_C(1) << 61) /* of a file, or shared */
#define PROTECTED                                                                                  \
    (UINT64_C(1) << 57)                /* by a userfaultfd: an entry that is none looks like swap  \
                                        */
#define EXCLUSIVE  (UINT64_C(1) << 56) /* mapped once */
#define FRAME_MASK ((UINT64_C(1) << 55) - 1)

/* Between looks whether a page is written, and the longest time that one call of pageout_free()
 * spends on that: a slow disk's. What is not written then stays for another time. */
#define PAUSE_USEC 2000
#define WAIT_USEC  5000000

static int open_directory(const char *host_root, pid_t pid)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/proc/%d", host_root, (int)pid) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool has_ended(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

/* -errno of what just failed to be opened below /proc/PID. */
static int open_error(void)
{
    return errno == ENOENT ? -ESRCH : -errno;
}

int pageout_open(struct pageout *p, const char *host_root, pid_t pid)
{
    autofd pidfd = pidfd_open(pid, 0); /* close-on-exec */
    autofd directory = -1, pagemap = -1, mem = -1;

    *p = PAGEOUT_CLOSED;
    if (pidfd < 0)
        return -errno;
    directory = open_directory(host_root, pid);
    if (directory < 0)
        return open_error();
    pagemap = openat(directory, "pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        return open_error();
    mem = openat(directory, "mem", O_RDONLY | O_CLOEXEC);
    if (mem < 0)
        return open_error();
    if (has_ended(pidfd)) /* then the directory may be another's */
        return -ESRCH;
    *p = (struct pageout){fd_take(&pidfd), fd_take(&directory), fd_take(&pagemap), fd_take(&mem),
                          pageframes_open_flags(host_root)};
    return 0;
}

bool pageout_ended(const struct pageout *p)
{
    return has_ended(p->pidfd);
}

void pageout_close(struct pageout *p)
{
    fd_close(&p->pidfd);
    fd_close(&p->directory);
    fd_close(&p->pagemap);
    fd_close(&p->mem);
    fd_close(&p->flags);
}

/* Field 12 of /proc/PID/stat; the name before may have anything in it, but ends with the last ')'.
 */
static bool parse_major_faults(const char *stat, uint64_t *ret)
{
    const char *rest = strrchr(stat, ')');
    unsigned long long faults;

    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %llu", &faults) != 1)
        return false;
    *ret = faults;
    return true;
}

int pageout_figures(const struct pageout *p, struct pageout_figures *ret)
{
    char text[PROCFS_TEXT_MAX];
    struct pageout_figures f;
    int r = procfs_read(p->directory, "status", text);

    if (r < 0)
        return r == -ENOENT ? -ESRCH : r; /* its directory is empty once it has ended */
    if (!procfs_get_kib(text, "RssAnon", &f.anon) || !procfs_get_kib(text, "VmSwap", &f.swapped))
        return -ESRCH; /* a zombie has no memory */
    r = procfs_read(p->directory, "stat", text);
    if (r < 0)
        return r == -ENOENT ? -ESRCH : r;
    if (!parse_major_faults(text, &f.major_faults))
        return -EBADMSG;
    *ret = f;
    return 0;
}

int pageout_look(const struct pageout *p, uint64_t address, uint64_t *entries, size_t n)
{
    size_t bytes = n * sizeof(*entries);
    ssize_t got =
        pread(p->pagemap, entries, bytes, (off_t)(address / PAGEOUT_PAGE * sizeof(*entries)));

    if (got < 0)
        return -errno;
    return (size_t)got == bytes ? 0 : -ESRCH; /* memory that is gone has no entries */
}

bool pageout_is_present(uint64_t entry)
{
    return entry & PRESENT;
}

bool pageout_is_out(uint64_t entry)
{
    return (entry & (PRESENT | SWAPPED | PROTECTED)) == SWAPPED;
}

bool pageout_movable(uint64_t entry)
{
    return (entry & (PRESENT | FILE_PAGE | EXCLUSIVE)) == (PRESENT | EXCLUSIVE);
}

uint64_t pageout_frame(uint64_t entry)
{
    return (entry & PRESENT) ? entry & FRAME_MASK : 0;
}

/* One call's worth, neighbours as one range; moves *@i on. */
static size_t fill_ranges(const uint64_t *pages, size_t n, size_t *i, struct iovec *ranges)
{
    size_t used = 0;

    for (size_t taken = 0; taken < PAGEOUT_BATCH && *i < n; taken++, ++*i) {
        struct iovec *last = used ? &ranges[used - 1] : NULL;

        if (last && (uint64_t)last->iov_base + last->iov_len == pages[*i])
            last->iov_len += PAGEOUT_PAGE;
        else /* an address of the other process's: never followed here */
            ranges[used++] = (struct iovec){(void *)pages[*i], PAGEOUT_PAGE};
    }
    return used;
}

int pageout_ask(const struct pageout *p, const uint64_t *pages, size_t n)
{
    struct iovec ranges[PAGEOUT_BATCH];

    for (size_t i = 0; i < n;) {
        size_t used = fill_ranges(pages, n, &i, ranges);

        if (process_madvise(p->pidfd, ranges, used, MADV_PAGEOUT, 0) < 0 && errno != EINTR)
            return -errno;
    }
    return 0;
}

/* Those that are out to the front; how many these are, or -errno. Keeps the order of each part only
 * where nothing stays between. */
static ssize_t sort_out(const struct pageout *p, uint64_t *pages, size_t n)
{
    uint64_t entries[PAGEOUT_BATCH];
    size_t out = 0;

    for (size_t i = 0; i < n;) {
        size_t run = 1;
        int r;

        while (run < PAGEOUT_BATCH && i + run < n &&
               pages[i + run] == pages[i] + run * PAGEOUT_PAGE)
            run++;
        r = pageout_look(p, pages[i], entries, run);
        if (r < 0)
            return r;
        for (size_t k = 0; k < run; k++) {
            uint64_t page = pages[i + k];

            if (!pageout_is_out(entries[k]))
                continue;
            pages[i + k] = pages[out];
            pages[out++] = page;
        }
        i += run;
    }
    return (ssize_t)out;
}

static int64_t now_usec(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int64_t pageout_bring_back(const struct pageout *p, uint64_t page)
{
    int64_t begin = now_usec();
    char byte;
    ssize_t n = pread(p->mem, &byte, sizeof(byte), (off_t)page);

    if (n < 0)
        return -errno;
    return n == 0 ? -ESRCH : now_usec() - begin;
}

/* Maps the pages again, clean. */
static int read_all(const struct pageout *p, const uint64_t *pages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t r = pageout_bring_back(p, pages[i]);

        if (r == -EIO)
            continue; /* it was unmapped meanwhile */
        if (r < 0)
            return (int)r;
    }
    return 0;
}

static void pause_for_writes(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_USEC * 1000}, NULL);
}

/* Reads @page and returns once it is written, or at @end. */
static void wait_for_write(const struct pageout *p, uint64_t page, int64_t end)
{
    uint64_t entry;

    if (p->flags < 0)
        pause_for_writes();
    if (pageout_bring_back(p, page) < 0 || pageout_look(p, page, &entry, 1) < 0)
        return;
    while (pageframes_is_written(p->flags, pageout_frame(entry)) && now_usec() < end)
        pause_for_writes();
}

static void swap_pages(uint64_t *a, uint64_t *b)
{
    uint64_t page = *a;

    *a = *b;
    *b = page;
}

/* Of a batch that is out, in the order in which it was asked. How many copies are gone; their pages
 * come first. */
static ssize_t drop_batch(const struct pageout *p, uint64_t *pages, size_t n, int64_t end)
{
    ssize_t still;
    int r;

    wait_for_write(p, pages[n - 1], end); /* the last one, which is ours to put out again */
    still = sort_out(p, pages, n - 1);
    if (still < 0)
        return still;
    swap_pages(&pages[still], &pages[n - 1]);
    r = read_all(p, pages, (size_t)still + 1);
    if (r == 0)
        r = pageout_ask(p, pages, (size_t)still + 1);
    return r < 0 ? r : sort_out(p, pages, (size_t)still + 1);
}

int pageout_drop_copies(const struct pageout *p, uint64_t *pages, size_t n,
                        struct pageout_result *ret)
{
    int64_t end = now_usec() + WAIT_USEC;
    ssize_t got = 0;
    size_t done = 0;

    for (size_t i = 0, batch; i < n && got >= 0; i += batch) {
        batch = n - i < PAGEOUT_BATCH ? n - i : PAGEOUT_BATCH;
        got = drop_batch(p, pages + i, batch, end);
        for (ssize_t k = 0; k < got; k++)
            swap_pages(&pages[done++], &pages[i + (size_t)k]);
    }
    *ret = (struct pageout_result){.out = done, .stayed = n - done};
    return got < 0 ? (int)got : 0;
}

int pageout_free(const struct pageout *p, uint64_t *pages, size_t n, bool cached,
                 struct pageout_result *ret)
{
    int r = pageout_ask(p, pages, n);
    ssize_t out = r < 0 ? r : sort_out(p, pages, n);

    *ret = (struct pageout_result){.out = out > 0 ? (size_t)out : 0};
    r = out < 0 ? (int)out : 0;
    if (cached && out > 0)
        r = pageout_drop_copies(p, pages, (size_t)out, ret);
    ret->stayed = n - ret->out;
    return r;
}
