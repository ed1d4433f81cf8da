/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is made without a name, filled, locked, and only then linked: who finds it finds it
 * whole, and one that is killed before that leaves nothing. The lock is an flock: it goes with the
 * process that holds it, however it ends.
 *
 * The figures are changed one by one. A pager that is killed between the change of an entry and of
 * its count leaves figures.pages off by one, so the next one counts anew when it opens the map.
 */
#include "pager/map.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* No guest is larger; entries of this many pages still have offsets that don't overflow. */
#define RAM_SIZE_MAX (UINT64_C(1) << 50)

const usec_t working_set_window_usec[WORKING_SET_MAX] = {
    [WORKING_SET_1S] = 1 * USEC_PER_SEC,
    [WORKING_SET_10S] = 10 * USEC_PER_SEC,
    [WORKING_SET_1MIN] = 60 * USEC_PER_SEC,
    [WORKING_SET_10MIN] = 600 * USEC_PER_SEC,
};

static const char *const state_names[] = {
    [PAGE_ABSENT] = "absent",         [PAGE_RESIDENT] = "resident", [PAGE_ZERO] = "zero",
    [PAGE_COMPRESSED] = "compressed", [PAGE_SWAPPED] = "swapped",
};
static_assert(sizeof(state_names) / sizeof(*state_names) == PAGE_STATE_MAX, "a name per state");

static const char *const fault_names[] = {
    [FAULT_ABSENT] = "absent",   [FAULT_ZERO] = "zero",           [FAULT_COMPRESSED] = "compressed",
    [FAULT_SWAPPED] = "swapped", [FAULT_PROTECTED] = "protected",
};
static_assert(sizeof(fault_names) / sizeof(*fault_names) == FAULT_KIND_MAX, "a name per kind");

static const char *const phase_names[] = {
    [PAGER_STARTING] = "starting",   [PAGER_SERVING] = "serving",
    [PAGER_PARKING] = "parking",     [PAGER_UNPARKING] = "unparking",
    [PAGER_DETACHING] = "detaching", [PAGER_GUEST_GONE] = "guest-gone",
};
static_assert(sizeof(phase_names) / sizeof(*phase_names) == PAGER_PHASE_MAX, "a name per phase");

const char *page_state_name(enum page_state state)
{
    return state < PAGE_STATE_MAX ? state_names[state] : "unknown";
}

const char *fault_kind_name(enum fault_kind kind)
{
    return kind < FAULT_KIND_MAX ? fault_names[kind] : "unknown";
}

const char *pager_phase_name(enum pager_phase phase)
{
    return phase < PAGER_PHASE_MAX ? phase_names[phase] : "unknown";
}

static bool identity_valid(const struct pagemap_identity *id)
{
    return id->ram_size > 0 && id->ram_size <= RAM_SIZE_MAX && id->ram_size % PAGE_BYTES == 0 &&
           memchr(id->name, '\0', sizeof(id->name));
}

static uint64_t file_bytes(uint64_t ram_size)
{
    return PAGEMAP_HEADER_BYTES + ram_size / PAGE_BYTES * sizeof(page_entry);
}

bool pagemap_header_names(const struct pagemap_header *header)
{
    return header->magic == PAGEMAP_MAGIC && identity_valid(&header->identity);
}

bool pagemap_header_valid(const struct pagemap_header *header, uint64_t bytes)
{
    return pagemap_header_names(header) && header->version == PAGEMAP_VERSION &&
           header->header_bytes == PAGEMAP_HEADER_BYTES &&
           bytes == file_bytes(header->identity.ram_size);
}

/* Takes over *fd on success. @bytes is the file's length. */
static int map_file(struct pagemap *map, int *fd, uint64_t bytes, bool writable)
{
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *mapped = mmap(NULL, bytes, protection, MAP_SHARED, *fd, 0);

    if (mapped == MAP_FAILED)
        return -errno;
    *map = (struct pagemap){
        .header = mapped,
        .entries = (_Atomic page_entry *)((char *)mapped + PAGEMAP_HEADER_BYTES),
        .pages = (bytes - PAGEMAP_HEADER_BYTES) / sizeof(page_entry),
        .mapped = bytes,
        .writable = writable,
        .fd = fd_take(fd),
    };
    return 0;
}

static void fill_header(struct pagemap_header *header, const struct pagemap_identity *identity)
{
    struct pagemap_figures *f = &header->figures;

    header->identity = *identity;
    header->header_bytes = PAGEMAP_HEADER_BYTES;
    header->version = PAGEMAP_VERSION;
    header->magic = PAGEMAP_MAGIC;
    atomic_store(&header->uffd, -1);
    atomic_store(&f->pages[PAGE_ABSENT], identity->ram_size / PAGE_BYTES);
    atomic_store(&f->allowed, UINT64_MAX);
    atomic_store(&f->window_permille, UINT64_MAX);
    for (size_t i = 0; i < WORKING_SET_MAX; i++)
        atomic_store(&f->working_set_permille[i], UINT64_MAX);
}

static int link_file(int fd, const char *path)
{
    char self[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];

    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int pagemap_create(struct pagemap *map, const char *path, const struct pagemap_identity *identity)
{
    g_autofree char *directory = g_path_get_dirname(path);
    autofd fd = -1;
    int r;

    assert(identity_valid(identity));
    fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    /* All blocks now: a store into a mapping that tmpfs has no memory for is a SIGBUS. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 ||
        fallocate(fd, 0, 0, (off_t)file_bytes(identity->ram_size)) < 0)
        return -errno;
    r = map_file(map, &fd, file_bytes(identity->ram_size), true);
    if (r < 0)
        return r;
    fill_header(map->header, identity);
    r = link_file(map->fd, path);
    if (r < 0)
        pagemap_close(map);
    return r;
}

/* Counts the pages in each state. Entries that no pager would write count as none. */
static void count_pages(struct pagemap *map)
{
    uint64_t counts[PAGE_STATE_MAX] = {0};

    for (uint64_t i = 0; i < map->pages; i++) {
        enum page_state state = pagemap_get(map, i).state;

        if (state < PAGE_STATE_MAX)
            counts[state]++;
    }
    for (size_t i = 0; i < PAGE_STATE_MAX; i++)
        atomic_store(&map->header->figures.pages[i], counts[i]);
}

/* Maps a file that is not known to be a page map. */
static int map_checked(struct pagemap *map, int *fd, bool writable)
{
    struct stat st;
    int r;

    if (fstat(*fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size < PAGEMAP_HEADER_BYTES)
        return -EBADMSG;
    if (st.st_nlink == 0) /* removed while we waited for nothing but the scheduler */
        return -ENOENT;
    r = map_file(map, fd, (uint64_t)st.st_size, writable);
    if (r == 0 && !pagemap_header_valid(map->header, map->mapped)) {
        pagemap_close(map);
        r = -EBADMSG;
    }
    return r;
}

int pagemap_open(struct pagemap *map, const char *path)
{
    autofd fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int r;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    r = map_checked(map, &fd, true);
    if (r == 0)
        count_pages(map);
    return r;
}

int pagemap_view(struct pagemap *map, const char *path)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    return fd < 0 ? -errno : map_checked(map, &fd, false);
}

void pagemap_close(struct pagemap *map)
{
    if (map->header)
        (void)munmap(map->header, map->mapped);
    fd_close(&map->fd);
    *map = (struct pagemap){.fd = -1};
}

void pagemap_set(struct pagemap *map, uint64_t page, struct page_place place)
{
    COUNTER *pages = map->header->figures.pages;
    enum page_state state;

    assert(page < map->pages && place.state < PAGE_STATE_MAX);
    state = page_place_of(atomic_exchange(&map->entries[page], page_entry_make(place))).state;
    if (state == place.state)
        return;
    /* Up before down: a reader between the two never sees a count below zero. */
    count(&pages[place.state], 1);
    if (state < PAGE_STATE_MAX)
        atomic_fetch_sub_explicit(&pages[state], 1, memory_order_relaxed);
}

/* 2^(n/4) for n = 0..4, as multiples of 2^-30. */
static const uint64_t quarter_octave[] = {
    UINT64_C(1) << 30, 1276901417, 1518500250, 1805811301, UINT64_C(1) << 31,
};

static unsigned bucket_of(usec_t usec)
{
    unsigned octave, quarter = 0;
    uint64_t mantissa;

    if (usec >= UINT64_C(1) << LATENCY_BUCKETS / 4)
        return LATENCY_BUCKETS - 1;
    if (usec == 0)
        return 0;
    octave = 63 - (unsigned)__builtin_clzll(usec);
    mantissa = (usec << 30) >> octave;
    while (mantissa >= quarter_octave[quarter + 1])
        quarter++;
    return octave * 4 + quarter;
}

static double bucket_end(unsigned bucket)
{
    uint64_t scaled = quarter_octave[bucket % 4 + 1] << bucket / 4;

    return (double)scaled / (double)quarter_octave[0];
}

void pagemap_count_fault(struct pagemap *map, enum fault_kind kind, usec_t usec)
{
    struct pagemap_figures *f = pagemap_figures(map);

    count(&f->faults[kind], 1);
    if (kind != FAULT_ABSENT)
        count(&f->waited_usec, usec);
    count(&f->latency[kind][bucket_of(usec)], 1);
}

double latency_percentile(const COUNTER *buckets, double percent)
{
    double total = 0, below = 0;
    unsigned last = 0;

    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        total += (double)atomic_load_explicit(&buckets[i], memory_order_relaxed);
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        uint64_t n = atomic_load_explicit(&buckets[i], memory_order_relaxed);

        if (n == 0)
            continue;
        below += (double)n;
        last = i;
        if (below >= total * percent / 100)
            break;
    }
    return below > 0 ? bucket_end(last) : 0;
}
