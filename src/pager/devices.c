/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What QEMU has open that reaches guest memory past its page tables. It can come at any time
 * (device_add, blockdev-add), so it is looked at again while the guest is served.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/procfs.h"
#include "pager/attach.h"
#include "pager/hugepages.h"
#include "pager/target_impl.h"

bool target_unreadable(pid_t pid, const char *what, int err, GError **error)
{
    if (err == ESRCH || err == ENOENT)
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_GONE, "process %d has ended", (int)pid);
    else if (err == EACCES || err == EPERM)
        g_set_error(error, REFUSED,
                    "no right to look into process %d: run as root or with CAP_SYS_PTRACE",
                    (int)pid);
    else
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_FAILED, "/proc/%d/%s: %s", (int)pid, what,
                    g_strerror(err));
    return false;
}

bool target_each_descriptor(pid_t pid, descriptor_fn fn, void *data, GError **error)
{
    autofd process = -1, list = -1;
    struct dirent *entry;
    char path[64];
    bool ok = true;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    list = process < 0 ? -1 : openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = list < 0 ? NULL : fdopendir(list);
    if (!dir)
        return target_unreadable(pid, "fd", errno, error);
    (void)fd_take(&list);
    while (ok && (entry = readdir(dir))) {
        if (g_ascii_isdigit(*entry->d_name))
            ok = fn(process, entry->d_name, data, error);
    }
    (void)closedir(dir);
    return ok;
}

static bool open_direct(int process, const char *number)
{
    char path[64], text[PROCFS_TEXT_MAX];
    const char *flags;

    (void)snprintf(path, sizeof(path), "fdinfo/%s", number);
    if (procfs_read(process, path, text) < 0)
        return false;
    flags = strstr(text, "flags:");
    return flags && strtoul(flags + 6, NULL, 8) & O_DIRECT;
}

/* Files whose holder hands guest memory to hardware for longer than a system call. */
static const char *device_kind(const char *link)
{
    static const struct {
        const char *prefix, *kind;
    } kinds[] = {
        {"/dev/vfio/", "vfio"},
        {"anon_inode:[vfio", "vfio"},
        {"anon_inode:vfio", "vfio"},
        {"/dev/iommu", "iommufd"},
        {"/dev/vhost-vdpa", "vhost-vdpa"},
        {"/dev/vhost-user", "vhost-user"},
        {"/dev/infiniband/", "RDMA"},
        {"/dev/vhost-scsi", "vhost-scsi"},
        {"/dev/sg", "SCSI pass-through"},
        {"/dev/bsg/", "SCSI pass-through"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(link, kinds[i].prefix))
            return kinds[i].kind;
    }
    return NULL;
}

/* A descriptor that is closed while we look is no concern of ours. */
static bool check_descriptor(int process, const char *number, void *data, GError **error)
{
    char path[64], link[512];
    const char *kind;
    struct stat st;
    ssize_t n;

    (void)data;
    (void)snprintf(path, sizeof(path), "fd/%s", number);
    n = readlinkat(process, path, link, sizeof(link) - 1);
    if (n < 0)
        return true;
    link[n] = '\0';
    kind = device_kind(link);
    if (kind) {
        g_set_error(error, REFUSED,
                    "the guest has a %s device (%s), which reaches its memory directly: run it "
                    "without",
                    kind, link);
        return false;
    }
    if (fstatat(process, path, &st, 0) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) ||
        !open_direct(process, number))
        return true;
    g_set_error(error, REFUSED,
                "QEMU has %s open with O_DIRECT, whose DMA would miss an evicted page: use "
                "cache=writeback for this drive",
                link);
    return false;
}

/* SCSI commands to a block device go to guest memory by DMA as well, and its descriptor does not
 * show it. One that is plugged in later is not found. */
static bool check_options(pid_t pid, GError **error)
{
    static const char device[] = "scsi-block";
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int)pid), *line = NULL;
    g_autoptr(GError) unread = NULL;
    size_t length;

    if (!g_file_get_contents(path, &line, &length, &unread))
        return target_unreadable(
            pid, "cmdline",
            g_error_matches(unread, G_FILE_ERROR, G_FILE_ERROR_ACCES) ? EACCES : ESRCH, error);
    if (!memmem(line, length, device, sizeof(device) - 1))
        return true;
    g_set_error(error, REFUSED,
                "the guest has a SCSI pass-through device (%s), which reaches its memory directly: "
                "use scsi-hd for this drive",
                device);
    return false;
}

bool target_check_devices(pid_t pid, GError **error)
{
    return target_each_descriptor(pid, check_descriptor, NULL, error) &&
           check_options(pid, error) && hugepages_check("", pid, error);
}
