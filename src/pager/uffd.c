/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of the six features, three are what the pager cannot do without: missing faults and write
 * protection on shared memory. Exact addresses cost nothing and tell a page's neighbourhood apart
 * in traces; they are cut to pages here. Thread ids tell I/O from virtual CPUs (cpus.h); every
 * kernel with the first three has them.
 *
 * EVENT_REMOVE is what tells that the guest gave a page back. QEMU discards a page (balloon, free
 * page reporting) by punching a hole into the memfd and then madvise(MADV_DONTNEED) on its mapping;
 * the second raises the event, and QEMU's thread stays in it until the event was read. While it
 * does, and until it is done, the kernel refuses to put or protect pages (-EAGAIN, mmap_changing).
 */
#include "pager/uffd.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pager/map.h"

#define FEATURES                                                                                   \
    (UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |                                \
     UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_EVENT_REMOVE |     \
     UFFD_FEATURE_THREAD_ID)

#define RANGE_IOCTLS                                                                               \
    ((__u64)1 << _UFFDIO_COPY | (__u64)1 << _UFFDIO_ZEROPAGE | (__u64)1 << _UFFDIO_WRITEPROTECT |  \
     (__u64)1 << _UFFDIO_WAKE)

/* Messages taken from the kernel in one read. */
#define READ_MAX 64

int uffd_handshake(int fd)
{
    struct uffdio_api api = {.api = UFFD_API, .features = FEATURES};

    /* EINVAL is also what a second handshake gets: it is for a descriptor that was never used. */
    if (ioctl(fd, UFFDIO_API, &api) < 0)
        return errno == EINVAL ? -EOPNOTSUPP : -errno;
    return (api.features & FEATURES) == FEATURES ? 0 : -EOPNOTSUPP;
}

int uffd_register(const struct uffd *u)
{
    struct uffdio_register reg = {
        .range = {.start = u->start, .len = u->size},
        .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
    };

    if (ioctl(u->fd, UFFDIO_REGISTER, &reg) < 0)
        return -errno;
    if ((reg.ioctls & RANGE_IOCTLS) != RANGE_IOCTLS) {
        (void)uffd_unregister(u);
        return -EOPNOTSUPP;
    }
    return 0;
}

int uffd_unregister(const struct uffd *u)
{
    struct uffdio_range range = {.start = u->start, .len = u->size};

    return ioctl(u->fd, UFFDIO_UNREGISTER, &range) < 0 ? -errno : 0;
}

static int writeprotect_once(const struct uffd *u, uint64_t address, uint64_t bytes, uint64_t mode)
{
    struct uffdio_writeprotect wp = {.range = {.start = address, .len = bytes}, .mode = mode};

    return ioctl(u->fd, UFFDIO_WRITEPROTECT, &wp) < 0 ? -errno : 0;
}

/* Before Linux 6.3 it is for one mapping only (-ENOENT), as COPY is (below): then in parts that get
 * smaller up to the border, and larger behind it. */
static int writeprotect(const struct uffd *u, uint64_t address, uint64_t bytes, uint64_t mode)
{
    uint64_t part = bytes;

    while (bytes > 0) {
        int r = writeprotect_once(u, address, part, mode);

        if (r == 0) {
            address += part;
            bytes -= part;
            part = u64_min(2 * part, bytes);
        } else if (r == -ENOENT && part > PAGE_BYTES) {
            part = part / 2 & ~(PAGE_BYTES - 1);
        } else {
            return r;
        }
    }
    return 0;
}

int uffd_protect(const struct uffd *u, uint64_t address, uint64_t bytes)
{
    return writeprotect(u, address, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
}

int uffd_unprotect(const struct uffd *u, uint64_t address, uint64_t bytes)
{
    return writeprotect(u, address, bytes, 0);
}

int uffd_wake(const struct uffd *u, uint64_t address, uint64_t bytes)
{
    struct uffdio_range range = {.start = address, .len = bytes};

    return ioctl(u->fd, UFFDIO_WAKE, &range) < 0 ? -errno : 0;
}

/*
 * What an ioctl has put: @done bytes. The kernel says -EAGAIN both where it stopped halfway (@done
 * is then how far it came) and where it did not begin; kernels differ in whether they set @done in
 * the second case, so the caller has set it to 0 before.
 */
static int64_t bytes_put(int r, int64_t done)
{
    if (r < 0 && !(errno == EAGAIN && done > 0))
        return -errno;
    return done;
}

static int64_t copy_once(const struct uffd *u, uint64_t address, const void *source, uint64_t bytes)
{
    struct uffdio_copy copy = {.dst = address, .src = (uintptr_t)source, .len = bytes};
    int r = ioctl(u->fd, UFFDIO_COPY, &copy);

    return bytes_put(r, copy.copy);
}

static int64_t zero_once(const struct uffd *u, uint64_t address, uint64_t bytes)
{
    struct uffdio_zeropage zero = {.range = {.start = address, .len = bytes}};
    int r = ioctl(u->fd, UFFDIO_ZEROPAGE, &zero);

    return bytes_put(r, zero.zeropage);
}

/* The kernel puts within one mapping only (-ENOENT), and guest RAM may be several where parts of it
 * were told something (madvise, mbind). Across their border it is done page by page. */
static bool crosses(int64_t put, uint64_t bytes)
{
    return put == -ENOENT && bytes > PAGE_BYTES;
}

int64_t uffd_copy(const struct uffd *u, uint64_t address, const void *source, uint64_t bytes)
{
    int64_t put = copy_once(u, address, source, bytes);

    return crosses(put, bytes) ? copy_once(u, address, source, PAGE_BYTES) : put;
}

int64_t uffd_zero(const struct uffd *u, uint64_t address, uint64_t bytes)
{
    int64_t put = zero_once(u, address, bytes);

    return crosses(put, bytes) ? zero_once(u, address, PAGE_BYTES) : put;
}

/* False: a message that was not asked for, or not about guest RAM. */
static bool event_of(const struct uffd *u, const struct uffd_msg *msg, struct uffd_event *ret)
{
    if (msg->event == UFFD_EVENT_PAGEFAULT) {
        uint64_t flags = msg->arg.pagefault.flags;

        *ret = (struct uffd_event){
            .kind = flags & UFFD_PAGEFAULT_FLAG_WP ? UFFD_PROTECTED : UFFD_MISSING,
            .address = msg->arg.pagefault.address & ~(PAGE_BYTES - 1),
            .bytes = PAGE_BYTES,
            .write = flags & UFFD_PAGEFAULT_FLAG_WRITE,
            .thread = msg->arg.pagefault.feat.ptid,
        };
    } else if (msg->event == UFFD_EVENT_REMOVE) {
        *ret = (struct uffd_event){
            .kind = UFFD_DISCARDED,
            .address = msg->arg.remove.start,
            .bytes = msg->arg.remove.end - msg->arg.remove.start,
        };
    } else {
        return false;
    }
    return ret->address >= u->start && ret->bytes <= u->size &&
           ret->address - u->start <= u->size - ret->bytes;
}

int uffd_read(const struct uffd *u, struct uffd_event *events, size_t max)
{
    struct uffd_msg msgs[READ_MAX];
    size_t wanted = max < READ_MAX ? max : READ_MAX;
    ssize_t n = read(u->fd, msgs, wanted * sizeof(msgs[0]));
    int found = 0;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (size_t i = 0; i < (size_t)n / sizeof(msgs[0]); i++)
        found += event_of(u, &msgs[i], &events[found]);
    return found;
}
