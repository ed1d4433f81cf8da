/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy: what each guest is entitled to, and what is to be done about it now.
 *
 * Pure: observations and `now` go in, decisions with their reasons come out. No I/O, no clock, no
 * logging, no globals. The daemon, the simulator, the tests and the fuzzer drive the same code:
 *
 *     policy_new -> policy_guest_add -> { policy_guest_observe ...; policy_decide; the caller acts,
 *     and tells with policy_guest_target_sent what it really sent } -> policy_free
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/activity.h"
#include "core/hoststate.h"
#include "core/stats.h"
#include "core/units.h"

struct policy;
struct policy_guest; /* owned by its policy; the handle is stable until policy_guest_remove */

/* Knobs. policy_params_default() has the defaults; the config table has ranges and prose. */
struct policy_params {
    double idle_tax;                 /* [0, 1): at most this part of idle memory is taxed away */
    uint64_t minfree;                /* bytes; 0: host_minfree(capacity) */
    double balloon_max;              /* (0, 1): largest balloon as a part of the guest's size */
    struct activity_params activity; /* from the guest's statistics */
    struct activity_params sampled;  /* from a pager's sampling, whose windows are longer */
    usec_t stats_stale_usec;         /* statistics older than this are not believed */
    usec_t stall_usec;               /* a balloon that has not moved for this long has stalled */
    usec_t stall_backoff_usec;       /* first pause after a stall; doubles up to... */
    usec_t stall_backoff_max_usec;   /* ...this */
    uint64_t growth_floor;           /* bytes: least room to grow until the next decision */
    uint64_t guest_reserve;          /* bytes: available memory that is left to a guest... */
    double guest_reserve_part;       /* ...or this part of its size, whichever is more */
    uint64_t distress_swap_in;       /* bytes/s of guest swap-in that count as distress */
    uint64_t distress_faults;        /* major faults/s that count as distress */
    double distress_lost;            /* part of its time lost waiting for memory that counts so */
    bool block;                      /* guests may be blocked in state low */
    usec_t block_slice_usec;         /* longest time that a guest is blocked at a stretch */
    double block_part;               /* (0, 1): largest part of the time that it is blocked */
};

struct policy_params policy_params_default(void);

enum guest_swap {
    GUEST_SWAP_UNKNOWN, /* nothing was paged out yet: treated as absent, carefully probed if need be
                         */
    GUEST_SWAP_PRESENT,
    GUEST_SWAP_ABSENT,
    GUEST_SWAP_SHORT, /* it paged out, and then could no more: full, or too slow; treated as absent
                         beyond what it took */
    GUEST_SWAP_MAX,
};

const char *guest_swap_name(enum guest_swap swap);

#define SHARES_PER_MIB_LOW    5
#define SHARES_PER_MIB_NORMAL 10
#define SHARES_PER_MIB_HIGH   20

struct guest_settings {
    uint64_t shares;      /* 0: SHARES_PER_MIB_NORMAL per MiB of size */
    uint64_t reservation; /* bytes that are never reclaimed; 0: none */
    uint64_t limit;       /* bytes; 0: the guest's size */
    bool exempt;          /* never acted upon, though counted */
    enum guest_swap swap; /* what the operator knows; UNKNOWN: find out */
};

/* No bound on what a guest's pager lets it occupy. */
#define ALLOWED_ANY UINT64_MAX

/*
 * What is said by that which moves pages of guest RAM out of the memory that backs it, and back
 * when they are touched, whatever the guest does or does not do: the guest's pager (src/pager)
 * where its RAM is shared, the kernel's swap (daemon/kernel_swap.h) where it is private.
 */
struct pager_observation {
    bool present;      /* serves the guest; nothing else counts without */
    bool kernel;       /* it is the kernel's swap: it brings pages out only when it is told to */
    bool parked;       /* or being parked or unparked: what it holds is the operator's matter */
    uint64_t out;      /* bytes of guest RAM that were put out: zero, compressed or swapped pages */
    uint64_t cache;    /* host memory that the compressed ones occupy */
    uint64_t room;     /* bytes of guest RAM that can still be put out; 0: none, or it must not */
    uint64_t allowed;  /* what resident and cache may occupy together; ALLOWED_ANY */
    uint64_t loaded;   /* bytes that came back because they were touched, since it was attached */
    uint64_t windows;  /* complete windows of sampling; 0: the two figures below mean nothing */
    unsigned permille; /* of resident memory, in use within the last window */
    unsigned current_permille; /* within the present one, so far */
    uint64_t moved_out;        /* bytes put out since it was attached */
    usec_t waited; /* that the guest has waited for pages, all its threads together, so far */
    uint64_t paged_by_guest; /* of the bytes that were out: read next by the VMM for the guest's own
                                I/O, as when the guest pages them out; at most, so far */
};

/* What was seen of a guest. */
struct guest_observation {
    uint64_t size;            /* configured memory M; > 0 */
    uint64_t resident;        /* host memory that backs it; with pager.cache P */
    uint64_t actual;          /* guest-visible size, M - balloon (QMP query-balloon) */
    bool balloon_device;      /* QEMU has a virtio-balloon device */
    bool reachable;           /* QMP answers */
    bool partial;             /* only memory (resident, shared, pager) and @blocked were looked at
                                 now; the rest is as it was the last time */
    bool running;             /* virtual CPUs are running (QMP query-status), or blocked by us */
    usec_t blocked;           /* that it was blocked by us, so far */
    uint64_t shared;          /* bytes of its RAM merged with other pages (KSM)... */
    uint64_t saved;           /* ...and its part of what that saves: @resident is less by that */
    usec_t pressure;          /* that tasks of its own cgroup waited for memory (PSI, some), so far;
                                 USEC_NEVER: not known */
    struct guest_stats stats; /* GUEST_STATS_NONE if there are none */
    struct pager_observation pager;
};

struct host_observation {
    uint64_t capacity;      /* C: what the guests may occupy */
    uint64_t other;         /* bytes of C used by what is no guest memory (the pagers' own) */
    uint64_t free_measured; /* what the host itself says is free; UINT64_MAX: capacity is all */
};

enum balloon_driver {
    DRIVER_UNKNOWN,   /* not yet tried */
    DRIVER_NO_DEVICE, /* QEMU has no balloon device */
    DRIVER_ABSENT,    /* device without a driver: no statistics, no movement */
    DRIVER_WORKING,
    DRIVER_STALLED, /* stopped short of its target; paused until the back-off ends */
    DRIVER_MAX,
};

const char *balloon_driver_name(enum balloon_driver driver);

/* Signs that a guest suffers for lack of memory. Several may be set. */
enum distress {
    DISTRESS_SWAP_IN = 1 << 0,
    DISTRESS_MAJOR_FAULTS = 1 << 1,
    DISTRESS_LOW_AVAILABLE = 1 << 2,
    DISTRESS_DIRECT_RECLAIM = 1 << 3,
    DISTRESS_PRESSURE = 1 << 4, /* its cgroup's PSI */
    DISTRESS_PAGING = 1 << 5,   /* it waits for pages that its pager, or the kernel, brings back */
    /* Those that a higher bound relieves, and not a smaller balloon: */
    DISTRESS_WAITING = DISTRESS_PRESSURE | DISTRESS_PAGING,
};

/* "swap-in, low-available" or "none" into @buf; returns @buf. */
const char *distress_names(unsigned distress, char *buf, size_t size);

enum mechanism {
    MECHANISM_NONE,
    MECHANISM_BALLOON,
    MECHANISM_SHARE, /* identical pages are merged (KSM); of the host, not of a guest */
    MECHANISM_SWAP,  /* pager or kernel: compression where pages are worth it, else a swap file */
    MECHANISM_BLOCK, /* the guest is held for a moment */
    MECHANISM_MAX,
};

const char *mechanism_name(enum mechanism mechanism);

/* What decided over a guest, most specific first. policy_reason_text() makes the sentence. */
enum reason {
    REASON_NONE,          /* at its target: nothing to do */
    REASON_PLENTY,        /* above its share, but the host is not short: nothing is reclaimed */
    REASON_SHORTAGE,      /* reclaim: the host is short and the guest is above its entitlement */
    REASON_LIMIT,         /* reclaim: the operator's limit */
    REASON_GIVE_BACK,     /* deflate: memory is free, or the guest's entitlement grew */
    REASON_DISTRESS,      /* deflate: the guest suffers and its entitlement has room */
    REASON_RELEASED,      /* deflate: asked for by the operator */
    REASON_STALLED,       /* target set back to what the balloon reached */
    REASON_GUEST_RESERVE, /* hold: all the guest could spare is taken */
    REASON_BALLOON_MAX,   /* hold: balloon is at its largest allowed size */
    REASON_RESERVATION,   /* hold: operator's reservation */
    REASON_BACKOFF,       /* hold: waits out the pause after a stall */
    REASON_NO_DRIVER,     /* hold: no working balloon driver */
    REASON_UNREACHABLE,   /* hold: QMP does not answer */
    REASON_NOT_RUNNING,   /* hold: the guest is paused */
    REASON_EXEMPT,        /* hold: operator's exemption */
    REASON_TOO_SMALL,     /* hold: the change is below the dead band */
    REASON_STALE_STATS,   /* hold: its statistics ceased, as they do under too much pressure */
    REASON_UNBELIEVED, /* hold: it says nothing that is believed; its pages are put out instead */
    REASON_RELIEVE_PAGER, /* reclaim: the guest gives what its pager has to keep out otherwise */
    REASON_NOTHING_FREE,  /* hold: entitled to more, but the host has nothing to give yet */
    REASON_PARKED,        /* hold: the operator had its pager put it out */
    /* Of the pager's part only: */
    REASON_SWAP_INSTEAD, /* reclaim: the host is short and the balloon can't be asked */
    REASON_SWAP_BESIDES, /* reclaim: the host is very short; what the balloon does not give in time
                          */
    REASON_SWAP_AHEAD,   /* reclaim: the host would be very short before the balloons have given */
    REASON_PACED,        /* hold: may grow so far until the next look; little is free */
    REASON_CAPPED,       /* hold: may not come back beyond its entitlement while memory is short */
    /* Of blocking only: */
    REASON_BLOCKED, /* block: the host is in state low and the guest is above its target */
    REASON_MAX,
};

const char *reason_name(enum reason reason);

/* One guest's verdict of the last decision, with the figures that led to it. Sizes in bytes. */
struct verdict {
    enum reason reason;
    enum mechanism mechanism; /* NONE: nothing is to be done */
    uint64_t from, to;        /* guest-visible size; equal where nothing is to be done */
    usec_t at;
    enum host_state state;
    uint64_t host_free, host_minfree, host_available; /* available: what was there to hand out */
    uint64_t size, resident, actual, active, entitled, lo, hi;
    uint64_t guest_available; /* as the guest says; GUEST_STAT_UNSET if not believed */
    unsigned distress;        /* enum distress */
    enum guest_swap swap;     /* of its own */
    /* The pager's part: */
    bool allow;                       /* @allowed is to be sent: it differs enough */
    uint64_t allowed_before, allowed; /* what the guest may occupy, compressed pages included;
                                         ALLOWED_ANY */
    enum reason allowed_reason;       /* NONE: nothing bounds it */
    uint64_t out, cache;              /* as observed */
    /* Blocking: */
    usec_t block;             /* block the guest for so long, now; 0: not */
    enum reason block_reason; /* BLOCKED, or NONE */
    bool may_block;           /* it is above its target in state low; else whoever holds it is to
                                 let it go on at once */
};

/* One sentence with the figures, for `aerostat explain`; returns @buf. */
const char *policy_reason_text(const struct verdict *v, char *buf, size_t size);

/* The same for the pager's part of the verdict on a guest that has a pager. */
const char *policy_allowed_text(const struct verdict *v, char *buf, size_t size);

/* The same for blocking; of a verdict with a block. */
const char *policy_block_text(const struct verdict *v, char *buf, size_t size);

/* What a guest has lost its time by, waiting for memory. */
enum lost_by {
    LOST_GUEST_SWAP, /* its own paging, as its statistics tell: major faults and swap-ins, by what
                        one costs */
    LOST_HOST_SWAP,  /* pages that pager or kernel brought back; with a cgroup of its own its PSI,
                        where that is more */
    LOST_BLOCKED,
    LOST_BY_MAX,
};

const char *lost_by_name(enum lost_by by); /* "guest-swap", "host-swap", "blocked" */

/* What the policy knows of a guest, for display. */
struct guest_view {
    struct guest_observation seen;
    struct guest_settings settings;
    struct activity activity;
    enum activity_source activity_source;
    uint64_t active;         /* estimate used */
    uint64_t balloon_target; /* guest-visible size last sent; = actual where none was */
    uint64_t shares;         /* in force */
    enum stats_trust trust;
    enum balloon_driver driver;
    enum guest_swap swap;
    unsigned distress;
    usec_t distress_since;                                  /* USEC_NEVER: not in distress */
    uint64_t swap_in_rate, swap_out_rate, major_fault_rate; /* per second, believed values only */
    usec_t lost[LOST_BY_MAX];                               /* so far */
    double lost_part; /* of the last ten seconds or so, of one processor's time: 0..; the
                         health figure */
    uint64_t balloon_rate, swap_rate; /* bytes/s measured when last used; 0: never used */
    usec_t block_owed;        /* what it would have been blocked by its excess, so far (block.c) */
    uint64_t paged_by_guest;  /* bytes, of pager_observation, bounded by what the guest paged out */
    uint64_t guest_swap_seen; /* bytes: most that it was seen to have in its own swap */
    struct verdict verdict;
};

struct host_view {
    enum host_state state;
    usec_t state_since;
    uint64_t capacity, resident, free, minfree, available, configured, ballooned;
    uint64_t marks[HOST_STATE_MAX]; /* each state begins below so much free; [HOST_HIGH]: what must
                                       be free for it to be reached again */
};

/* NULL: out of memory. */
struct policy *policy_new(const struct policy_params *params);
void policy_free(struct policy *p);

/* From the next decision on. */
void policy_set_params(struct policy *p, const struct policy_params *params);

/* A guest is adopted as it is: its present balloon is its starting point. NULL: out of memory. */
struct policy_guest *policy_guest_add(struct policy *p, const struct guest_settings *settings,
                                      usec_t now);
void policy_guest_remove(struct policy *p, struct policy_guest *g);
void policy_guest_configure(struct policy_guest *g, const struct guest_settings *settings);

/* The operator wants the guest's balloon empty; it stays so until the host is next short. */
void policy_guest_release(struct policy_guest *g);

/*
 * Takes in what was just seen. Returns true where it should not wait for the next period (the guest
 * suffers, its balloon has stalled, the host's state got worse): the caller then calls
 * policy_decide at once.
 */
bool policy_guest_observe(struct policy *p, struct policy_guest *g,
                          const struct guest_observation *seen, usec_t now);

/* The decision's target was sent to the guest and accepted: from now on it is expected to move. */
void policy_guest_target_sent(struct policy_guest *g, uint64_t target, usec_t now);

/*
 * Decides over all guests. Returns 0, or -ENOMEM and then nothing is decided. policy_decision()
 * gives the guests for which something is to be done.
 */
int policy_decide(struct policy *p, const struct host_observation *host, usec_t now);

/* Looked at in between, without a decision: what it has free counts from now on. */
void policy_host_seen(struct policy *p, const struct host_observation *host);

/*
 * How soon the guests' memory should be looked at again, for the policy not to be overtaken by
 * their growth: between @least and @most.
 */
usec_t policy_look_in(const struct policy *p, usec_t least, usec_t most);

/* The same by what the host and this guest alone call for; after an observation of it. */
usec_t policy_guest_look_in(const struct policy *p, const struct policy_guest *g, usec_t least,
                            usec_t most);

/* The @i-th guest of the last decision that is to be acted upon (a mechanism, allow, or block), or
 * NULL past the last. */
struct policy_guest *policy_decision(const struct policy *p, size_t i);

void policy_guest_view(const struct policy_guest *g, struct guest_view *ret);
void policy_host_view(const struct policy *p, struct host_view *ret);

/* The caller's own pointer, carried along. */
void policy_guest_set_owner(struct policy_guest *g, void *owner);
void *policy_guest_owner(const struct policy_guest *g);
