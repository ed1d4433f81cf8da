/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which guests can be served, and why not the others. The pager takes a page out by punching a hole
 * into the memfd behind QEMU's back, so whoever reaches the page by another way than QEMU's page
 * tables would read zeros, or write to memory that is no longer the guest's:
 * - another process that maps the memfd (vhost-user, virtiofsd), or a second mapping in QEMU;
 * - devices that were handed the pages themselves: vfio, vdpa, RDMA; I/O with O_DIRECT while it
 *   is under way.
 * In-kernel users of QEMU's address space (KVM, vhost-net, plain system calls) come through QEMU's
 * page tables and wait as a thread would.
 */
#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/procfs.h"
#include "host/ramfind.h"
#include "host/smaps.h"
#include "pager/attach.h"
#include "pager/files.h"
#include "pager/target_impl.h"

G_DEFINE_QUARK(aerostat - attach - error, attach_error)

#define MEMFD_CURE                                                                                 \
    "start QEMU with -object memory-backend-memfd,id=ram,size=SIZE,share=on -machine "             \
    "memory-backend=ram"

/* The mappings of @pid by @what, maps or smaps. 0 or -errno. */
static int mappings_read(pid_t pid, const char *what, GArray *vmas)
{
    char path[64];
    FILE *file;
    int r;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    r = smaps_read(file, vmas);
    (void)fclose(file);
    return r;
}

static const struct smaps_vma *vma_at(const GArray *vmas, size_t i)
{
    return &g_array_index(vmas, struct smaps_vma, i);
}

/* Bytes of the largest run of adjacent mappings of one memfd; 0: there is none. */
static uint64_t largest_memfd(const GArray *vmas)
{
    uint64_t largest = 0, run = 0;

    for (size_t i = 0; i < vmas->len; i++) {
        const struct smaps_vma *v = vma_at(vmas, i);

        if (!v->memfd || !v->shared || !v->writable) {
            run = 0;
            continue;
        }
        if (!run || (v - 1)->end != v->start || (v - 1)->inode != v->inode)
            run = 0;
        run += v->end - v->start;
        largest = MAX(largest, run);
    }
    return largest;
}

/* Guest RAM that QEMU has marked as such, in memfds, all together. */
static uint64_t memfd_ram(const GArray *vmas)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < vmas->len; i++) {
        const struct smaps_vma *v = vma_at(vmas, i);

        if (v->memfd && v->shared && v->writable && v->dontcopy)
            sum += v->end - v->start;
    }
    return sum;
}

static bool ram_locate(pid_t pid, const GArray *vmas, uint64_t size, struct ram_range *ram,
                       GError **error)
{
    struct ram_block block = {.size = size ? size : largest_memfd(vmas), .shared = true};

    if (!block.size)
        g_set_error(error, REFUSED, "process %d has no shared memfd memory; %s", (int)pid,
                    MEMFD_CURE);
    else if (ram_find(vmas, &block, 1, ram) == 0)
        return true;
    else if (memfd_ram(vmas) >= size)
        g_set_error(error, REFUSED,
                    "guest RAM is in several memory backends; one only can be served: give the "
                    "guest all its memory in one memory-backend-memfd");
    else
        g_set_error(error, REFUSED, "process %d has no memory of the guest's %" PRIu64 " bytes; %s",
                    (int)pid, size, MEMFD_CURE);
    return false;
}

/* What the mappings of the RAM itself say. */
static bool check_kind(const GArray *vmas, const struct ram_range *ram, GError **error)
{
    if (ram->kind == RAM_PRIVATE) {
        g_set_error(error, REFUSED, "guest RAM is private anonymous memory; %s", MEMFD_CURE);
        return false;
    }
    for (size_t i = 0; i < vmas->len; i++) {
        const struct smaps_vma *v = vma_at(vmas, i);
        const char *wrong = NULL;

        if (v->start < ram->start || v->end > ram->end)
            continue;
        if (v->hugetlbfs || v->hugetlb)
            wrong = "in huge pages (hugetlb): start QEMU without hugetlb=on or mem-path on a "
                    "hugetlbfs";
        else if (v->locked)
            wrong = "locked: start QEMU without -overcommit mem-lock=on";
        else if (!v->memfd || !v->shared)
            wrong = "in a file; " MEMFD_CURE;
        else if (v->offset != v->start - ram->start)
            wrong = "a part of a memfd: give the guest a whole one";
        if (wrong) {
            g_set_error(error, REFUSED, "guest RAM is %s", wrong);
            return false;
        }
    }
    return true;
}

static bool maps_file(const struct smaps_vma *v, const struct ram_range *ram)
{
    return v->inode == ram->inode && v->device == ram->device;
}

static bool mapped_twice(const GArray *vmas, const struct ram_range *ram, GError **error)
{
    for (size_t i = 0; i < vmas->len; i++) {
        const struct smaps_vma *v = vma_at(vmas, i);

        if (!maps_file(v, ram) || (v->start >= ram->start && v->end <= ram->end))
            continue;
        g_set_error(error, REFUSED,
                    "guest RAM is mapped a second time in QEMU, at 0x%" PRIx64
                    ": such a guest can't be served",
                    v->start);
        return true;
    }
    return false;
}

static bool process_maps(pid_t pid, const struct ram_range *ram, GError **error)
{
    g_autoptr(GArray) vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));
    int r = mappings_read(pid, "maps", vmas);
    char path[64], name[PROCFS_TEXT_MAX] = "?";

    /* Who has the right to look into all processes and may not look into this one, is below it (a
     * container's outer init): such a one is not the guest's device. */
    if (r == -EACCES && capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_PTRACE))
        return false;
    if (r < 0 && r != -ESRCH && r != -ENOENT)
        return !target_unreadable(pid, "maps", -r, error);
    for (size_t i = 0; i < vmas->len; i++) {
        if (!maps_file(vma_at(vmas, i), ram))
            continue;
        (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
        (void)procfs_read_root("", path, name);
        g_set_error(error, REFUSED,
                    "guest RAM is also mapped by process %d (%s), a vhost-user device perhaps: "
                    "run the guest without it",
                    (int)pid, g_strchomp(name));
        return true;
    }
    return false;
}

/* Is it mapped by anybody else on this host? */
static bool mapped_elsewhere(pid_t target, const struct ram_range *ram, GError **error)
{
    DIR *proc = opendir("/proc");
    bool found = false;
    struct dirent *entry;

    if (!proc)
        return !target_unreadable(target, "", errno, error);
    while (!found && (entry = readdir(proc))) {
        int pid = atoi(entry->d_name);

        if (pid > 0 && pid != target)
            found = process_maps(pid, ram, error);
    }
    (void)closedir(proc);
    return found;
}

struct memfd_search {
    const struct ram_range *ram;
    int pidfd, memfd;
};

static bool match_memfd(int process, const char *number, void *data, GError **error)
{
    struct memfd_search *search = data;
    char path[64];
    struct stat st;
    int fd, flags;

    (void)error;
    (void)snprintf(path, sizeof(path), "fd/%s", number);
    if (fstatat(process, path, &st, 0) < 0 || st.st_ino != search->ram->inode ||
        st.st_dev != search->ram->device)
        return true;
    fd = pidfd_getfd(search->pidfd, atoi(number), 0);
    if (fd < 0)
        return true;
    flags = fcntl(fd, F_GETFL);
    /* The number may have become another file's since. */
    if (fstat(fd, &st) == 0 && st.st_ino == search->ram->inode &&
        st.st_dev == search->ram->device && (flags & O_ACCMODE) == O_RDWR) {
        search->memfd = fd;
        return false;
    }
    (void)close(fd);
    return true;
}

/* QEMU's own descriptor: what is done with it is done to the guest's RAM. */
static bool fetch_memfd(struct target *t, const struct ram_range *ram, GError **error)
{
    struct memfd_search search = {.ram = ram, .pidfd = t->pidfd, .memfd = -1};
    g_autoptr(GError) wrong = NULL;

    (void)target_each_descriptor(t->pid, match_memfd, &search, &wrong);
    t->memfd = search.memfd;
    if (t->memfd >= 0)
        return true;
    if (wrong)
        g_propagate_error(error, g_steal_pointer(&wrong));
    else
        g_set_error(error, REFUSED,
                    "process %d has no descriptor of its RAM, or we have no right to it: run as "
                    "root or with CAP_SYS_PTRACE",
                    (int)t->pid);
    return false;
}

static bool identify(struct target *t, const char *name, const struct ram_range *ram,
                     GError **error)
{
    struct stat st;

    if (fstat(t->memfd, &st) < 0 || (uint64_t)st.st_size != ram->end - ram->start) {
        g_set_error(error, REFUSED, "guest RAM is a part of a memfd: give the guest a whole one");
        return false;
    }
    t->identity = (struct pagemap_identity){
        .pid = t->pid,
        .start_time = process_start_time("", t->pid),
        .ram_start = ram->start,
        .ram_size = ram->end - ram->start,
        .memfd_device = ram->device,
        .memfd_inode = ram->inode,
    };
    (void)g_strlcpy(t->identity.name, name, sizeof(t->identity.name));
    if (!t->identity.start_time)
        return target_unreadable(t->pid, "stat", ESRCH, error);
    return true;
}

static bool find(struct target *t, const char *name, uint64_t ram_size, GError **error)
{
    g_autoptr(GArray) vmas = g_array_new(FALSE, FALSE, sizeof(struct smaps_vma));
    struct ram_range ram;
    int r;

    t->pidfd = pidfd_open(t->pid, 0);
    if (t->pidfd < 0)
        return target_unreadable(t->pid, "", errno, error);
    r = mappings_read(t->pid, "smaps", vmas);
    if (r < 0 || vmas->len == 0) /* a zombie has no memory */
        return target_unreadable(t->pid, "smaps", r < 0 ? -r : ESRCH, error);
    return ram_locate(t->pid, vmas, ram_size, &ram, error) && check_kind(vmas, &ram, error) &&
           !mapped_twice(vmas, &ram, error) && !mapped_elsewhere(t->pid, &ram, error) &&
           target_check_devices(t->pid, error) && fetch_memfd(t, &ram, error) &&
           identify(t, name, &ram, error);
}

bool target_find(struct target *t, pid_t pid, const char *name, uint64_t ram_size, GError **error)
{
    *t = (struct target){.pid = pid, .pidfd = -1, .memfd = -1};
    if (find(t, name, ram_size, error))
        return true;
    target_clear(t);
    return false;
}

bool target_find_again(struct target *t, const struct pagemap_identity *identity, GError **error)
{
    struct ram_range ram = {
        .start = identity->ram_start,
        .end = identity->ram_start + identity->ram_size,
        .kind = RAM_MEMFD,
        .device = identity->memfd_device,
        .inode = identity->memfd_inode,
    };
    pid_t pid = (pid_t)identity->pid;

    *t = (struct target){.pid = pid, .pidfd = pidfd_open(pid, 0), .memfd = -1};
    t->identity = *identity;
    if (t->pidfd < 0 || process_start_time("", pid) != identity->start_time) {
        target_clear(t);
        return target_unreadable(pid, "", ESRCH, error);
    }
    if (fetch_memfd(t, &ram, error))
        return true;
    target_clear(t);
    return false;
}

void target_clear(struct target *t)
{
    fd_close(&t->memfd);
    fd_close(&t->pidfd);
}
