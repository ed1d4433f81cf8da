/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order of operations, and what is left behind by a pager that is killed (SIGKILL) after each step:
 *   1. Look whether the process has a userfaultfd already.
 *   2. Inject userfaultfd(2) into QEMU (inject.c). Left: a descriptor that was never used. The next
 *      attach finds it by its features (none yet) and goes on with it.
 *   3. Store its number in the map. From here on a takeover (attach_again) finds it.
 *   4. Fetch it with pidfd_getfd. The one in QEMU stays open: while it is, faulting threads wait
 *      for a new pager when one dies. Were it closed, the kernel would unregister the RAM at our
 *      death, and pages that are out would read as zeros.
 *   5. The handshake (features), then register guest RAM for missing pages and write protection.
 *      From here on a touched hole waits for us.
 * Letting go is the way back: all pages loaded, unregistered, then close injected (attach_close).
 *
 * An unprivileged QEMU gets no userfaultfd(2) that serves faults of the kernel (EPERM), and one
 * that does not is of no use: KVM, vhost and system calls would fail. It gets one by way of
 * /dev/userfaultfd, if its user may open that (data/60-aerostat.rules): three calls are injected
 * instead of one, while the thread stands still. The sysctl vm.unprivileged_userfaultfd would open
 * the same to every process of the host and is never touched.
 */
#include "pager/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "host/procfs.h"
#include "pager/inject.h"
#include "pager/target_impl.h"

#define UFFD_FLAGS (O_CLOEXEC | O_NONBLOCK)

#define DEVICE "/dev/userfaultfd"

static void refuse(GError **error, const char *what, int64_t result)
{
    g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED, "%s in QEMU: %s", what,
                g_strerror((int)-result));
}

static unsigned user_of(pid_t pid)
{
    char path[64], text[PROCFS_TEXT_MAX];
    const char *line;
    unsigned uid = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (procfs_read_root("", path, text) < 0)
        return 0;
    line = strstr(text, "\nUid:");
    return line && sscanf(line, "\nUid: %*u %u", &uid) == 1 ? uid : 0;
}

struct making {
    pid_t pid;
    int64_t number; /* of the userfaultfd; -1: there is none yet */
};

static bool make_by_device(struct injection *i, struct making *m, GError **error)
{
    int64_t device, closed;
    uint64_t path;

    if (!inject_scratch(i, DEVICE, sizeof(DEVICE), &path, error) ||
        !inject_call(i, SYS_openat, (uint64_t)AT_FDCWD, path, O_RDWR | O_CLOEXEC, &device, error))
        return false;
    if (device < 0) {
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED,
                    "QEMU runs as user %u, which may not open " DEVICE
                    " (%s): put the user into the device's group (60-aerostat.rules gives it to "
                    "kvm; libvirt: cgroup_device_acl in qemu.conf)",
                    user_of(m->pid), g_strerror((int)-device));
        return false;
    }
    if (!inject_call(i, SYS_ioctl, (uint64_t)device, USERFAULTFD_IOC_NEW, UFFD_FLAGS, &m->number,
                     error) ||
        !inject_call(i, SYS_close, (uint64_t)device, 0, 0, &closed, error))
        return false;
    if (m->number >= 0)
        return true;
    refuse(error, "ioctl of " DEVICE, m->number);
    return false;
}

static bool make(struct injection *i, void *data, GError **error)
{
    struct making *m = data;

    if (!inject_call(i, SYS_userfaultfd, UFFD_FLAGS, 0, 0, &m->number, error))
        return false;
    if (m->number == -EPERM)
        return make_by_device(i, m, error);
    if (m->number >= 0)
        return true;
    refuse(error, "userfaultfd(2)", m->number);
    return false;
}

static bool close_number(struct injection *i, void *data, GError **error)
{
    const int *number = data;
    int64_t result;

    return inject_call(i, SYS_close, (uint64_t)*number, 0, 0, &result, error);
}

/* Is descriptor @number of @pid a userfaultfd? Its features, 0: was never used; -1: it is none. */
static int64_t userfaultfd_features(pid_t pid, const char *number)
{
    static const char is[] = "anon_inode:[userfaultfd]";
    char path[64], link[sizeof(is)], text[PROCFS_TEXT_MAX];
    const char *api;
    uint64_t features;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, number);
    if (readlink(path, link, sizeof(link)) != sizeof(is) - 1 ||
        memcmp(link, is, sizeof(is) - 1) != 0)
        return -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, number);
    if (procfs_read_root("", path, text) < 0)
        return -1;
    api = strstr(text, "\nAPI:");
    return api && sscanf(api, "\nAPI: %*x:%" SCNx64 ":", &features) == 1 ? (int64_t)features : -1;
}

bool attach_left(pid_t pid, int number)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", number);
    return userfaultfd_features(pid, text) >= 0;
}

static bool look_for_unused(int process, const char *number, void *data, GError **error)
{
    struct making *m = data;
    int64_t features = userfaultfd_features(m->pid, number);

    (void)process;
    if (features == 0)
        m->number = atoi(number);
    if (features <= 0)
        return true;
    g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_BUSY,
                "process %d has a userfaultfd already (descriptor %s): a migration or snapshot is "
                "under way, or another pager has it",
                (int)m->pid, number);
    return false;
}

static bool take(struct uffd *u, const struct target *t, int number, GError **error)
{
    int fd = pidfd_getfd(t->pidfd, number, 0);

    if (fd < 0) {
        g_set_error(error, ATTACH_ERROR, errno == ESRCH ? ATTACH_ERROR_GONE : ATTACH_ERROR_FAILED,
                    "fetching descriptor %d of process %d: %s", number, (int)t->pid,
                    g_strerror(errno));
        return false;
    }
    *u = (struct uffd){.fd = fd, .start = t->identity.ram_start, .size = t->identity.ram_size};
    return true;
}

static bool serve(const struct uffd *u, bool handshake, GError **error)
{
    int r = handshake ? uffd_handshake(u->fd) : 0;

    if (r == 0)
        r = uffd_register(u);
    if (r == -EOPNOTSUPP)
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_REFUSED,
                    "the kernel's userfaultfd can't write-protect shared memory: Linux 5.19 or "
                    "later is needed");
    else if (r == -EBUSY)
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_BUSY,
                    "another userfaultfd has the guest's RAM");
    else if (r == -ESRCH)
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_GONE, "the guest has ended");
    else if (r < 0)
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_FAILED, "registering guest RAM: %s",
                    g_strerror(-r));
    return r == 0;
}

bool attach(struct uffd *u, const struct target *t, _Atomic int64_t *number, GError **error)
{
    struct making made = {.pid = t->pid, .number = -1};
    uint64_t stopped = 0;

    u->fd = -1;
    *number = -1;
    if (!target_each_descriptor(t->pid, look_for_unused, &made, error))
        return false;
    if (made.number < 0 && !inject(t->pid, make, &made, &stopped, error))
        return false;
    *number = made.number;
    if (take(u, t, (int)made.number, error) && serve(u, true, error)) {
        log_info("guest %s: attached; one thread stood still for %" PRIu64 " us", t->identity.name,
                 stopped);
        return true;
    }
    fd_close(&u->fd);
    (void)attach_close(t->pid, (int)made.number, NULL);
    *number = -1;
    return false;
}

bool attach_again(struct uffd *u, const struct target *t, int number, GError **error)
{
    char text[16];
    int64_t features;

    u->fd = -1;
    (void)snprintf(text, sizeof(text), "%d", number);
    features = userfaultfd_features(t->pid, text);
    if (features < 0) {
        g_set_error(error, ATTACH_ERROR, ATTACH_ERROR_BUSY,
                    "descriptor %d of process %d is no userfaultfd: somebody has closed it", number,
                    (int)t->pid);
        return false;
    }
    if (take(u, t, number, error) && serve(u, features == 0, error))
        return true;
    fd_close(&u->fd);
    return false;
}

bool attach_close(pid_t pid, int number, GError **error)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", number);
    if (userfaultfd_features(pid, text) < 0)
        return true;
    return inject(pid, close_number, &number, NULL, error);
}
