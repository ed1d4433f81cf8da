/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page map: one file per guest that says where each page of its RAM is now. It is the guest's
 * pmap (guest physical -> host physical) as far as Aerostat decides it.
 *
 * The file lies in memory (tmpfs), mapped by the pager for writing and by whoever may read it (the
 * daemon) for reading. It is valid at any instant, so that a kill -9 loses nothing: a page's entry
 * is one 64-bit word, stored whole, and only when what it points to is complete. What the pager
 * counts lies in the header for the same reason: readers look, and never ask.
 *
 * The header's figures and the entries are written by the pager alone. A reader takes them for what
 * a stranger says: in range or not.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/units.h"

#define PAGE_BYTES UINT64_C(4096)

enum page_state {
    PAGE_ABSENT,   /* never touched, or discarded (balloon, free page reporting): reads as zeros */
    PAGE_RESIDENT, /* in the guest's memfd */
    PAGE_ZERO,     /* was all zeros when it was evicted: nothing is stored */
    PAGE_COMPRESSED, /* in the compression cache, as LZ4, or as it is where it was only sampled */
    PAGE_SWAPPED,    /* in the swap file */
    PAGE_STATE_MAX,
};

/* "unknown" for what is out of range: readers hand in what they find. The same goes for the other
 * names. */
const char *page_state_name(enum page_state state);

/*
 * An entry: bits 0-2 state, 3 cold, 4 sampled, 8-20 stored bytes (compressed: 1..4096, 4096 means
 * not compressed), 21-63 location (swapped: slot number; compressed: byte offset in the cache
 * file).
 */
typedef uint64_t page_entry;

struct page_place {
    enum page_state state;
    bool cold;    /* resident: was not touched while it was sampled. A hint for choosing victims */
    bool sampled; /* compressed: moved there to see when it is touched */
    unsigned length;   /* compressed: stored bytes */
    uint64_t location; /* swapped: slot; compressed: offset */
};

static inline page_entry page_entry_make(struct page_place p)
{
    return (page_entry)p.state | (page_entry)p.cold << 3 | (page_entry)p.sampled << 4 |
           (page_entry)p.length << 8 | p.location << 21;
}

static inline struct page_place page_place_of(page_entry e)
{
    return (struct page_place){.state = (enum page_state)(e & 7),
                               .cold = e >> 3 & 1,
                               .sampled = e >> 4 & 1,
                               .length = (unsigned)(e >> 8 & 0x1fff),
                               .location = e >> 21};
}

/* Kinds of faults whose latency is counted. */
enum fault_kind {
    FAULT_ABSENT, /* first touch */
    FAULT_ZERO,
    FAULT_COMPRESSED,
    FAULT_SWAPPED,
    FAULT_PROTECTED, /* a write that met an eviction */
    FAULT_KIND_MAX,
};

const char *fault_kind_name(enum fault_kind kind);

/* Latency from reading the fault to waking the guest: bucket i counts [2^(i/4), 2^((i+1)/4))
 * microseconds, the first also what is shorter, the last what is longer. */
#define LATENCY_BUCKETS 96

/* Working set: the part of resident memory touched within each of these windows. */
enum working_set_window {
    WORKING_SET_1S,
    WORKING_SET_10S,
    WORKING_SET_1MIN,
    WORKING_SET_10MIN,
    WORKING_SET_MAX
};
extern const usec_t working_set_window_usec[WORKING_SET_MAX];

/* What a pager is doing with its guest as a whole. */
enum pager_phase {
    PAGER_STARTING, /* not serving yet */
    PAGER_SERVING,
    PAGER_PARKING,   /* putting everything out */
    PAGER_UNPARKING, /* bringing everything back */
    PAGER_DETACHING, /* the same, to end after it */
    PAGER_GUEST_GONE,
    PAGER_PHASE_MAX,
};

const char *pager_phase_name(enum pager_phase phase);

#define PAGEMAP_MAGIC        UINT64_C(0x50414d5441545341)
#define PAGEMAP_VERSION      2
#define PAGEMAP_HEADER_BYTES 16384
#define PAGEMAP_NAME_MAX     256

/* Whose map it is. A process id alone comes again; with its start time it does not. */
struct pagemap_identity {
    char name[PAGEMAP_NAME_MAX]; /* guest's name, NUL-ended */
    int64_t pid;                 /* QEMU process */
    uint64_t start_time;         /* field 22 of /proc/PID/stat, clock ticks */
    uint64_t ram_start;          /* address of guest RAM in QEMU */
    uint64_t ram_size;           /* bytes, a multiple of PAGE_BYTES */
    uint64_t memfd_device, memfd_inode;
};

#define COUNTER _Atomic uint64_t

/* Counted by the pager from its first attachment to the guest on, over takeovers. */
struct pagemap_figures {
    COUNTER pages[PAGE_STATE_MAX]; /* in each state now */
    COUNTER cache_payload;         /* bytes of compressed pages in the cache */
    COUNTER cache_bytes;           /* memory that the cache file occupies */
    COUNTER cache_limit;           /* bytes */
    COUNTER slots, slots_used;     /* of the swap file */
    COUNTER allowed; /* bytes that the guest may occupy (order ALLOW); UINT64_MAX: any */
    COUNTER phase;   /* enum pager_phase */
    COUNTER parked;  /* 1: was parked, and not unparked since */

    COUNTER evicted[PAGE_STATE_MAX];   /* pages put out, by where to */
    COUNTER loaded[PAGE_STATE_MAX];    /* pages brought back, by where from */
    COUNTER read_ahead;                /* of these, not asked for */
    COUNTER discarded;                 /* pages that the guest gave back */
    COUNTER bytes_written, bytes_read; /* swap file */
    COUNTER faults[FAULT_KIND_MAX];
    COUNTER latency[FAULT_KIND_MAX][LATENCY_BUCKETS];
    COUNTER eviction_races; /* evictions that a write of the guest overtook */
    COUNTER waited_usec;    /* that the guest's threads waited for pages, all together, from their
                               fault's being read to their being woken; of first touches only what
                               they were put off for (press.c) */
    COUNTER cpus;           /* threads known as virtual CPUs; 0: the next figure is not counted */
    COUNTER paged_by_guest; /* pages that were out and came back because QEMU read them for the
                               guest's own I/O (cpus.h) */

    COUNTER io_errors;  /* reads and writes of the swap file that failed */
    COUNTER held_pages; /* pages that can't be read back now: who touches them waits */
    COUNTER held_page;  /* number of one of them; meaningless without */
    COUNTER held_errno;
    COUNTER guest_stopped; /* 1: by the daemon, because of them (PAGER_NOTE_STOP) */

    COUNTER sample_windows;   /* windows completed */
    COUNTER sampled, touched; /* pages sampled so far, and of these touched within their window */
    COUNTER window_permille;  /* part of the last complete window's samples that were touched,
                                 0..1000; UINT64_MAX: none yet */
    COUNTER current_permille; /* the same of the window under way, so far: it can only rise */
    COUNTER window_usec;      /* length of a window */
    COUNTER working_set_permille[WORKING_SET_MAX]; /* UINT64_MAX: unknown yet */
    COUNTER sampling_cpu_usec;                     /* processor time spent on sampling */

    COUNTER rounds; /* of the thread that serves faults: at least one a second while it lives */
    COUNTER takeovers;
    COUNTER memory_bytes; /* the pager's own, without map and cache; renewed now and then */
};

/* What comes before the figures is the same in every version, so that it can be told whether a map
 * of another one is of a guest that lives. */
struct pagemap_header {
    uint64_t magic;
    uint32_t version, header_bytes;
    struct pagemap_identity identity;
    _Atomic int64_t uffd;      /* number of the userfaultfd in QEMU; -1: not attached yet */
    _Atomic int64_t pager_pid; /* of the pager that serves now */
    struct pagemap_figures figures;
};
_Static_assert(sizeof(struct pagemap_header) <= PAGEMAP_HEADER_BYTES, "the header has its room");

/* Is it the header of a page map of this version, in a file of @bytes? */
bool pagemap_header_valid(const struct pagemap_header *header, uint64_t bytes);

/* Does it say whose map it is, of whatever version? */
bool pagemap_header_names(const struct pagemap_header *header);

struct pagemap {
    struct pagemap_header *header;
    _Atomic page_entry *entries;
    uint64_t pages;
    size_t mapped; /* bytes */
    int fd;        /* close-on-exec; the pager holds flock(LOCK_EX) on it */
    bool writable;
};

/*
 * Makes the file @path (mode 0600, complete or not there: made without a name, then linked) with
 * all pages absent, maps it and locks it. 0, -EEXIST, or another -errno. All its blocks are there
 * on return: storing an entry never fails for want of memory.
 */
int pagemap_create(struct pagemap *map, const char *path, const struct pagemap_identity *identity);

/*
 * Opens @path for the pager and locks it: 0, -ENOENT, -EBUSY: another pager has it, -EBADMSG: not
 * a page map of this version or of this length. figures.pages are counted anew; the entries are
 * not judged.
 */
int pagemap_open(struct pagemap *map, const char *path);

/*
 * Opens @path to look at. 0, -ENOENT, -EBADMSG. What is in it may be anything, and changes: copy a
 * word, then judge it; a state may be PAGE_STATE_MAX or more.
 */
int pagemap_view(struct pagemap *map, const char *path);

void pagemap_close(struct pagemap *map);

static inline struct page_place pagemap_get(const struct pagemap *map, uint64_t page)
{
    return page_place_of(atomic_load_explicit(&map->entries[page], memory_order_acquire));
}

/* Stores the entry and keeps figures.pages. The caller holds the page's claim (claims.h); other
 * pages may be set at the same time. */
void pagemap_set(struct pagemap *map, uint64_t page, struct page_place place);

static inline struct pagemap_figures *pagemap_figures(const struct pagemap *map)
{
    return &map->header->figures;
}

static inline void count(COUNTER *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Counts one fault that took @usec, and that time as waited unless it was a first touch. */
void pagemap_count_fault(struct pagemap *map, enum fault_kind kind, usec_t usec);

/* @percent (0..100) of the counted latencies are at most this, microseconds: the upper end of a
 * bucket, so up to 19 % more than it was. 0 where none was counted. */
double latency_percentile(const COUNTER *buckets, double percent);
