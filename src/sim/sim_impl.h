/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the simulator share: the host, its guests, and what the parts do for each
 * other. See sim.c. Sizes in bytes, times in seconds where they are no usec_t. */
#pragma once

#include "sim/manager.h"
#include "sim/pool.h"
#include "sim/sim.h"

/* A guest's memory: anonymous classes of the work step, hottest first, and what is never used
 * again; the same of page cache; pages that are free but were used before. What is in none of them
 * was never touched. */
enum pool_kind {
    POOL_BASE, /* of its kernel */
    POOL_ANON,
    POOL_COLD = POOL_ANON + WORK_CLASSES_MAX,
    POOL_CACHE,
    POOL_STREAM = POOL_CACHE + WORK_CLASSES_MAX,
    POOL_COLD_CACHE,
    POOL_FREE, /* by programs, or for them... */
    POOL_BOOT, /* ...or only while it booted */
    POOLS,
};

enum vm_life {
    VM_COMING,
    VM_RUNS,
    VM_ENDED,
};

struct vm {
    struct sim_guest_spec spec; /* name and work are its own */
    unsigned number;
    enum vm_life life;
    bool panicked, killed, paused, parked;
    bool known; /* to the manager */
    usec_t asked_at, blocked_until;

    /* The guest */
    struct pool pools[POOLS];
    double size, base, watermark; /* its kernel's least free memory */
    double visible, target;       /* size less balloon, as it is and is to be */
    double stuck_at;              /* of SIM_BALLOON_STUCK: visible size below which it never goes */
    bool balloon_gave;            /* it deflated on OOM and waits for another target */
    double anon_age, cache_age;   /* of the oldest pages in use, by its LRU: seconds of work */
    size_t next_step;
    const struct work_step *step; /* NULL: it has not begun */
    double to_read;               /* of files that are read once */

    usec_t restart_at; /* its programs were killed, and are started again then... */
    bool regrows;      /* ...and are of no use until they own again what they did */

    /* Sums over the pools, kept by whoever moves something (vm_sum) */
    double here, out, used, cache;

    /* In this tick */
    double tick;          /* how long it lives of it */
    double swap_out_left; /* what it can still swap out */
    double work;          /* seconds of it that were done */
    double owed;          /* time that it has to wait for what was done already */
    double room_left;     /* pages that its pager lets it take */
    /* Of the last ticks */
    bool quiet;      /* nothing happens to it: vm.c */
    unsigned misses; /* pools of which something is missing */
    double pace;     /* part of the time that its programs work, average of PACE_SECONDS */
    double speed;    /* of full speed, NAN: they want nothing */

    /* Its pager, or the kernel in its place */
    double allowed;    /* INFINITY: anything */
    double cache_used; /* by compressed pages */
    double parking;    /* bytes that are still to be put out, once */
    bool unparking;
    usec_t sample_window;
    uint64_t windows;
    unsigned permille;
    usec_t window_begin;
    double window_work;    /* done since then, or since the work step... */
    double window_touched; /* ...before which this part was touched */
    double window_error;   /* of the draw, in standard deviations */

    /* What it says of itself, and was last seen as */
    usec_t said_at; /* USEC_NEVER: never */
    struct guest_stats said;
    struct guest_observation seen;
    double swapped_in, swapped_out, faults;
    double loaded, moved_out, waited, blocked, paged_by_guest;

    double merged, saved; /* identical pages, and its part of what that saves */

    struct sim_guest_result sums;
    double inflated, deflated, most_resident, put_out_swapped;
};

struct sim {
    struct sim_config config;
    struct sim_costs costs;
    GRand *random;
    GPtrArray *vms; /* struct vm */
    usec_t now;
    double tick; /* seconds */

    /* The host */
    double capacity, swap_used;
    double held;          /* by all guests, compressed pages included, merged ones once */
    double room;          /* what may still be taken in this tick */
    double demand;        /* what they wanted to take in this tick... */
    double demand_before; /* ...and in the one before */
    double refused;       /* of it, what there was no room for */
    double swapping;      /* bytes that went to or came from swap disks in this tick... */
    double disk_waits;    /* ...and by what that lengthens the waits for them, >= 1 */
    double stalled;       /* part of the time in which somebody waits, average of 10 s */
    double age;           /* of the oldest page in use, by the kernel's LRU */
    double pace_weight;   /* of a tick, in the average of a guest's pace */
    /* KSM: pages a second; since the beginning, in pages and seconds; bytes now */
    double scan_rate, scanned, rounds, scan_cpu, broken;
    double identical, shared, saved, saved_zero;
    struct lru_entry *entries;
    struct pool **entry_pools;
    struct vm **entry_vms;

    void *manager; /* NULL: it is off */
    bool manager_was_off;
    usec_t wake_at;

    struct sim_host_result sums;
    double kernel_swapped, most_over;
    enum host_state state;
};

static inline struct vm *sim_vm(const struct sim *s, unsigned guest)
{
    return g_ptr_array_index(s->vms, guest);
}

/* It has started, not ended, and not died. */
static inline bool vm_lives(const struct vm *vm)
{
    return vm->life == VM_RUNS && !vm->panicked;
}

/* Something is done to it. */
static inline void vm_stir(struct vm *vm)
{
    vm->quiet = false;
}

/* Host memory that it occupies. */
static inline double vm_resident(const struct vm *vm)
{
    return vm->here - vm->saved;
}

static inline double vm_held(const struct vm *vm)
{
    return vm_resident(vm) + vm->cache_used;
}

/* Free to the guest, as it sees it. */
static inline double vm_free(const struct vm *vm)
{
    double free = vm->visible - vm->used - vm->cache;

    return free > 0 ? free : 0;
}

/* A page of so many microseconds, in seconds for a byte. */
static inline double per_byte(double usec)
{
    return usec / PAGE_BYTES / (double)USEC_PER_SEC;
}

static inline bool is_anon(unsigned pool)
{
    return pool >= POOL_ANON && pool <= POOL_COLD;
}

static inline bool is_free(unsigned pool)
{
    return pool == POOL_FREE || pool == POOL_BOOT;
}

static inline bool is_cache(unsigned pool)
{
    return pool >= POOL_CACHE && pool <= POOL_COLD_CACHE;
}

/* --- guest_memory.c: pages within a guest --- */

void vm_sum(struct vm *vm);

/* Of free memory that no program has had, the part that was used while the guest booted. */
double guest_boot_part(const struct vm *vm);

/* Anonymous memory in its swap, and what is left there. */
double guest_swapped(const struct vm *vm);
double guest_swap_free(const struct vm *vm);

/*
 * Up to @bytes of the guest's free memory become pages of @p, above the watermark and as far as the
 * host has room. Returns how much; pages among them that the host had put out cost time.
 */
double guest_take(struct sim *s, struct vm *vm, unsigned pool, double bytes);

/* @part of a pool's memory becomes free, and stays touched. */
void guest_release(struct vm *vm, unsigned pool, double part);

/* Up to @bytes of free memory go to the balloon; the host has them back. */
double guest_give_up(struct sim *s, struct vm *vm, double bytes);

/* Free memory that it reports goes back to the host, and counts as never touched. */
void guest_report_free(struct sim *s, struct vm *vm);

/* --- guest_reclaim.c --- */

/* Makes up to @need bytes free, by dropping cache and swapping. Returns how much. */
double guest_reclaim(struct sim *s, struct vm *vm, double need);

/* What guest_reclaim could give at all, however long it takes. */
double guest_reclaimable(const struct vm *vm);

/* @short_of bytes can't be had by any means: the balloon gives, a program dies, or the kernel
 * panics. */
void guest_out_of_memory(struct sim *s, struct vm *vm, double short_of);

/* --- guest_work.c, guest_steps.c: what its programs do --- */

void guest_steps(struct sim *s, struct vm *vm);
void guest_work(struct sim *s, struct vm *vm);

/* A tick like the one before, of a guest that is quiet. */
void guest_works_on(const struct sim *s, struct vm *vm);

/* Nobody works for @dt seconds. Returns how much of that is lost. */
double guest_loses(struct vm *vm, double dt);

/* --- guest_grow.c --- */

/* Anonymous memory that it wants and does not own yet. */
double guest_lacks(const struct vm *vm);

void guest_grow(struct sim *s, struct vm *vm);
void guest_read_once(struct sim *s, struct vm *vm);

/* --- guest_balloon.c, guest_stats.c --- */

void guest_balloon(struct sim *s, struct vm *vm);
void guest_report(struct sim *s, struct vm *vm);

/* --- host_pager.c --- */

/* It has one, or the kernel does its work. */
bool vm_has_pager(const struct sim *s, const struct vm *vm);
bool vm_swapped_by_kernel(const struct sim *s, const struct vm *vm);

void pager_begin(struct sim *s, struct vm *vm);
void pager_evict(struct sim *s, struct vm *vm);

/* By its operator, and it has not woken up since; or it is about to be. */
bool pager_is_parked(const struct vm *vm);

/* Bytes that it can still put out. */
double pager_room(const struct sim *s, const struct vm *vm);

/* Up to @bytes of @p's are in @place no more: they came back, or nobody needs them. */
void pager_drops(struct sim *s, struct vm *vm, struct pool *p, enum place place, double bytes);

/* @bytes of @p that are in @place come back to host memory. */
void pager_load(struct sim *s, struct vm *vm, struct pool *p, enum place place, double bytes);

/* Waiting for a byte out of @place, seconds. */
double load_cost(const struct sim *s, enum place place);

/* --- host_sample.c --- */

void sample(struct sim *s, struct vm *vm);
void sample_begin(struct sim *s, struct vm *vm);

/* Another work step begins. */
void sample_step(const struct sim *s, struct vm *vm);

/* Permille of what is in memory that was touched in the window that is under way. */
unsigned sample_current(const struct sim *s, const struct vm *vm);

/* --- host_kernel.c --- */

/* What the guest may take of host memory now, and that it wants to. */
double host_room(struct sim *s, const struct vm *vm);
void host_took(struct sim *s, struct vm *vm, double bytes);
void host_gives_back(struct sim *s, struct vm *vm, double bytes);

void host_begin(struct sim *s);
void host_account(struct sim *s);
double host_swap_free(const struct sim *s);

/* --- host_share.c --- */

void share_settle(struct sim *s);

/* Processor time that writes to merged pages take, of a second of work. */
double share_break_cost(const struct sim *s, const struct vm *vm);

/* --- vm.c --- */

void vm_boot(struct sim *s, struct vm *vm);
void vm_tick(struct sim *s, struct vm *vm);

/* It died, and its programs would still work. */
void vm_mourn(const struct sim *s, struct vm *vm);

void vm_end(struct sim *s, struct vm *vm);
