/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's swap file: all of its blocks are there before the guest may count on them. Where they
 * can't be had, the caller gets a line for people and no file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/size.h"
#include "pager/files.h"

static void fail(GError **error, const char *path, int code, const char *what)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "swap file %s: %s", path, what);
}

/* Removes what is at @path, if it is ours and nobody has locked it. */
static bool make_way(const char *path, GError **error)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        fail(error, path, EEXIST, "something else is there: move it away");
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fail(error, path, EBUSY,
             "a pager is using it: two guests have the same name, or this "
             "guest is already served");
        return false;
    }
    if (unlink(path) < 0) {
        fail(error, path, errno, g_strerror(errno));
        return false;
    }
    return true;
}

static bool on_tmpfs(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* Reserves the blocks: 0 or an errno. */
static int reserve(int fd, uint64_t bytes)
{
    if (bytes == 0)
        return 0;
    if (on_tmpfs(fd))
        return EXDEV;
    if (bytes > INT64_MAX)
        return EFBIG;
    while (fallocate(fd, 0, 0, (off_t)bytes) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

static uint64_t room(int fd)
{
    struct statvfs fs;

    return fstatvfs(fd, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}

/* Says what is in the way of @bytes, where there were @free, and what helps. */
static void explain(GError **error, const char *path, uint64_t bytes, uint64_t free, int code)
{
    char want[SIZE_TEXT_MAX], have[SIZE_TEXT_MAX];
    g_autofree char *what = NULL;

    size_format(bytes, want);
    switch (code) {
    case ENOSPC:
        size_format(free, have);
        what = g_strdup_printf("%s can't be reserved, %s are free there: make room, raise the "
                               "guest's reservation, or set swap-directory to a larger file system",
                               want, have);
        break;
    case EDQUOT:
        what = g_strdup_printf("%s are beyond the disk quota: raise it, or set swap-directory to "
                               "another file system",
                               want);
        break;
    case EFBIG:
        what = g_strdup_printf("%s are more than a file may have there: set swap-directory to "
                               "another file system",
                               want);
        break;
    case EOPNOTSUPP:
        what = g_strdup("its file system can't reserve room: set swap-directory to one that can "
                        "(ext4, XFS)");
        break;
    case EXDEV:
        what = g_strdup("it would be on tmpfs, and what is swapped to memory frees none: set "
                        "swap-directory to a directory on a disk");
        break;
    default:
        what = g_strdup_printf("%s can't be reserved: %s", want, g_strerror(code));
    }
    fail(error, path, code, what);
}

bool swap_file_create(const char *path, uint64_t bytes, GError **error)
{
    autofd fd = -1;
    uint64_t free;
    int r;

    if (!make_way(path, error))
        return false;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_autofree char *what = g_strdup_printf("can't be made: %s", g_strerror(errno));

        fail(error, path, errno, what);
        return false;
    }
    (void)flock(fd, LOCK_EX | LOCK_NB); /* it is wanted, however long this takes */
    free = room(fd); /* looked up now: what could be reserved of it has been, afterwards */
    r = reserve(fd, bytes);
    if (r != 0) {
        explain(error, path, bytes, free, r);
        (void)unlink(path);
        return false;
    }
    return true;
}

/* Opens with @flags; -1 and errno. */
static int open_locked(const char *path, int flags)
{
    autofd fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags);
    struct stat st;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode) || st.st_nlink == 0) {
        errno = st.st_nlink == 0 ? ENOENT : EINVAL;
        return -1;
    }
    return fd_take(&fd);
}

int swap_file_open(const char *path, bool *direct)
{
    int fd = open_locked(path, O_DIRECT);

    *direct = fd >= 0;
    if (fd < 0 && errno == EINVAL)
        fd = open_locked(path, 0);
    return fd;
}
