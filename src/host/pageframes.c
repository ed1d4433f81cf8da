/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bitmap is read and written in words of 64 frames; a zero that is written changes nothing, so
 * that no one else's marks are lost. Frames that are no user memory, and all but the first of a
 * huge page, read as touched and can't be marked.
 */
#include "host/pageframes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define WORD_FRAMES 64
#define HUGE_FRAMES UINT64_C(512)
#define FLAG_THP    (UINT64_C(1) << 22) /* KPF_THP */

#define FLAG_WRITEBACK (UINT64_C(1) << 8) /* KPF_WRITEBACK */

static int open_file(const char *host_root, const char *name, int how)
{
    char path[PATH_MAX];
    int fd;

    if ((size_t)snprintf(path, sizeof(path), "%s%s", host_root, name) >= sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, how | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int pageframes_open_idle(const char *host_root)
{
    return open_file(host_root, "/sys/kernel/mm/page_idle/bitmap", O_RDWR);
}

int pageframes_open_flags(const char *host_root)
{
    return open_file(host_root, "/proc/kpageflags", O_RDONLY);
}

static bool has_flag(int fd, uint64_t frame, uint64_t flag)
{
    uint64_t flags;

    return fd >= 0 && frame &&
           pread(fd, &flags, sizeof(flags), (off_t)(frame * sizeof(flags))) == sizeof(flags) &&
           flags & flag;
}

bool pageframes_is_huge(int fd, uint64_t frame)
{
    return has_flag(fd, frame, FLAG_THP);
}

bool pageframes_is_written(int fd, uint64_t frame)
{
    return has_flag(fd, frame, FLAG_WRITEBACK);
}

static off_t offset_of(uint64_t frame)
{
    return (off_t)(frame / WORD_FRAMES * sizeof(uint64_t));
}

static int result_of(ssize_t n)
{
    if (n < 0)
        return -errno;
    return n == sizeof(uint64_t) ? 0 : -ENODEV; /* beyond the end of memory */
}

static int mark(int fd, uint64_t frame)
{
    uint64_t word = UINT64_C(1) << frame % WORD_FRAMES;
    int r = result_of(pwrite(fd, &word, sizeof(word), offset_of(frame)));

    if (r == 0)
        r = pageframes_is_idle(fd, frame);
    return r < 0 ? r : r == 1 ? 0 : -ENODEV;
}

int pageframes_mark(int fd, uint64_t frame, uint64_t *tracked)
{
    int r;

    *tracked = frame;
    r = mark(fd, frame);
    if (r != -ENODEV || frame % HUGE_FRAMES == 0)
        return r;
    *tracked = frame & ~(HUGE_FRAMES - 1);
    return mark(fd, *tracked);
}

int pageframes_is_idle(int fd, uint64_t frame)
{
    uint64_t word;
    int r = result_of(pread(fd, &word, sizeof(word), offset_of(frame)));

    return r < 0 ? r : (int)(word >> frame % WORD_FRAMES & 1);
}
