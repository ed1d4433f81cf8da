/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A swap file by hand instead of by mkswap(8): its header is one page with four figures and a mark
 * (include/linux/swap.h, union swap_header), and the daemon runs no other programs.
 *
 * The kernel writes to the file's blocks behind the file system's back. So all of them must be
 * there, and stay where they are: no holes, no copy on write.
 */
#include "host/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/size.h"
#include "host/procfs.h"

#define LABEL "aerostat"

/* Where the header's figures begin; before them is room for a boot loader. */
#define HEADER_AT   1024
#define HEADER_UUID 16

/* At the end of the first page. */
static const char signature[] = {'S', 'W', 'A', 'P', 'S', 'P', 'A', 'C', 'E', '2'};

struct header {
    uint32_t version, last_page, bad_pages;
    uint8_t uuid[HEADER_UUID];
    char label[16];
};

static void area_free(void *data)
{
    struct swap_area *area = data;

    g_free(area->path);
    g_free(area);
}

/* A line "PATH TYPE SIZE USED PRIORITY", sizes in KiB; white space in the path is written "\040".
 */
static struct swap_area *parse_area(const char *line)
{
    struct swap_area *area;
    g_autofree char *path = NULL;
    unsigned long long size, used;
    int priority;
    size_t length = strcspn(line, " \t");

    if (*line != '/' || sscanf(line + length, " %*s %llu %llu %d", &size, &used, &priority) != 3)
        return NULL;
    path = g_strndup(line, length);
    area = g_new0(struct swap_area, 1);
    area->path = g_strcompress(path);
    area->size = (uint64_t)size * 1024;
    area->used = (uint64_t)used * 1024;
    area->priority = priority;
    area->zram = g_str_has_prefix(area->path, "/dev/zram");
    return area;
}

int swap_read(const char *host_root, GPtrArray **ret)
{
    char text[PROCFS_TEXT_MAX];
    g_autoptr(GPtrArray) areas = g_ptr_array_new_with_free_func(area_free);
    g_auto(GStrv) lines = NULL;
    int r = procfs_read_root(host_root, "/proc/swaps", text);

    if (r < 0)
        return r;
    lines = g_strsplit(text, "\n", SWAP_AREAS_MAX + 1);
    for (size_t i = 1; lines[0] && lines[i]; i++) {
        struct swap_area *area = parse_area(lines[i]);

        if (area)
            g_ptr_array_add(areas, area);
    }
    *ret = g_steal_pointer(&areas);
    return 0;
}

static void fail(GError **error, const char *path, int code, const char *what)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "swap space %s: %s", path,
                what);
}

/* Kinds of file systems of which we know that it does not work, or does no good. */
static bool check_file_system(const char *path, int fd, GError **error)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        fail(error, path, errno, g_strerror(errno));
    else if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
        fail(error, path, EXDEV,
             "it would be in memory itself: set [swap] directory to a directory on a disk");
    else if (fs.f_type == BTRFS_SUPER_MAGIC)
        fail(error, path, EXDEV,
             "btrfs moves a file's blocks about: set [swap] directory to ext4 or XFS, or add swap "
             "space by hand");
    else
        return true;
    return false;
}

static bool reserve(const char *path, int fd, uint64_t bytes, GError **error)
{
    char want[SIZE_TEXT_MAX];
    g_autofree char *what = NULL;
    struct stat st;
    int r;

    do {
        r = fallocate(fd, 0, 0, (off_t)bytes) < 0 ? errno : 0;
    } while (r == EINTR);
    if (r == 0 && (fstat(fd, &st) < 0 || (uint64_t)st.st_blocks * 512 < bytes))
        r = EOPNOTSUPP;
    if (r == 0)
        return true;
    what = g_strdup_printf("%s can't be reserved (%s): make room, or set [swap] directory to a "
                           "file system that has it",
                           size_format(bytes, want), g_strerror(r));
    fail(error, path, r, what);
    return false;
}

static bool write_header(const char *path, int fd, uint64_t bytes, size_t page, GError **error)
{
    g_autofree char *buf = g_malloc0(page);
    struct header header = {.version = 1, .last_page = (uint32_t)(bytes / page)};

    for (size_t i = 0; i < HEADER_UUID; i++)
        header.uuid[i] = (uint8_t)g_random_int_range(0, 256);
    g_strlcpy(header.label, LABEL, sizeof(header.label));
    memcpy(buf + HEADER_AT, &header, sizeof(header));
    memcpy(buf + page - sizeof(signature), signature, sizeof(signature));
    if (pwrite(fd, buf, page, 0) == (ssize_t)page && fsync(fd) == 0)
        return true;
    fail(error, path, errno, g_strerror(errno));
    return false;
}

bool swap_make(const char *path, uint64_t bytes, int *fd, GError **error)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    autofd file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (file < 0) {
        fail(error, path, errno, g_strerror(errno));
        return false;
    }
    if (flock(file, LOCK_EX | LOCK_NB) < 0 || !check_file_system(path, file, error) ||
        !reserve(path, file, bytes + page, error) ||
        !write_header(path, file, bytes, page, error)) {
        (void)unlink(path);
        if (error && !*error)
            fail(error, path, EBUSY, "another daemon works in the same directory");
        return false;
    }
    *fd = fd_take(&file);
    return true;
}

bool swap_on(const char *path, GError **error)
{
    int code;

    if (swapon(path, 0) == 0)
        return true;
    code = errno;
    fail(error, path, code,
         code == EPERM    ? "the kernel does not allow it: aerostatd needs CAP_SYS_ADMIN, and the "
                            "kernel a free place among its swap areas"
         : code == EINVAL ? "its file system can't have swap files: set [swap] directory to ext4 "
                            "or XFS"
                          : g_strerror(code));
    return false;
}

int swap_off(const char *path)
{
    return swapoff(path) == 0 ? 0 : -errno;
}
