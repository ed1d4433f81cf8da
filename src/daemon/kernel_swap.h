/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host swapping for guests whose RAM is private anonymous memory. Nobody outside can page that, but
 * the kernel can be asked to: by memory.reclaim of the guest's own cgroup, or, without one, by
 * paging out chosen ranges (process_madvise). What the guest may occupy is kept up by asking again
 * and again; what it uses of it is sampled. All that may block is done in threads. See
 * kernel_swap.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"
#include "daemon/config.h"
#include "daemon/guests.h"
#include "daemon/swap_pool.h"

struct kernel_swap; /* of all guests */

struct kernel_swap_calls {
    void (*record)(struct guest *guest, char *text, void *data); /* takes @text */
    void (*changed)(struct guest *guest, void *data);            /* the policy should look at it */
};

/* @pool and @config are borrowed. */
struct kernel_swap *kernel_swap_new(const struct config *config, const char *host_root,
                                    struct swap_pool *pool, const struct kernel_swap_calls *calls,
                                    void *data);
/* Ends what is under way; what is swapped stays so. */
void kernel_swap_free(struct kernel_swap *all);
void kernel_swap_configure(struct kernel_swap *all, const struct config *config);

/* Again and again, with each look at the guest, as pagers_see() for the others. */
struct kernel_swap_wish {
    bool wanted;
    uint64_t reservation; /* bytes: memory.min of its cgroup; the rest is promised in the pool */
    /* Bytes in its page tables that KSM has merged, which can't be paged out, and of these, those
     * that it is not charged for. */
    uint64_t merged, saved;
};
void kernel_swap_see(struct kernel_swap *all, struct guest *guest,
                     const struct kernel_swap_wish *wish);
void kernel_swap_forget(struct guest *guest);

/* Host memory that guests' pages occupy though they are out: swap cache, for nothing else. */
uint64_t kernel_swap_memory(struct kernel_swap *all);

/* What the policy is told; not present for guests that are none of its own. */
struct pager_observation kernel_swap_observe(struct guest *guest);

/* What the guest may occupy from now on (ALLOWED_ANY). False: nothing is new about that. */
bool kernel_swap_allow(struct guest *guest, uint64_t bytes);

/* What the policy holds it entitled to: memory.low of its cgroup. */
void kernel_swap_entitle(struct guest *guest, uint64_t bytes);

/* Sum of PSI "some" of its own cgroup; USEC_NEVER: not known. */
usec_t kernel_swap_pressure(const struct guest *guest);

enum kernel_swap_standing {
    KERNEL_SWAP_NONE,    /* switched off, or not known well enough yet */
    KERNEL_SWAP_WAITING, /* for swap space */
    KERNEL_SWAP_READY,
    KERNEL_SWAP_REFUSED, /* can't be done for this guest: the view's error says why */
    KERNEL_SWAP_STANDING_MAX,
};
const char *kernel_swap_standing_name(enum kernel_swap_standing standing);

enum kernel_swap_method {
    KERNEL_SWAP_RECLAIM, /* memory.reclaim of its cgroup: the kernel's LRU chooses */
    KERNEL_SWAP_PAGEOUT, /* ranges chosen by us */
    KERNEL_SWAP_METHOD_MAX,
};
const char *kernel_swap_method_name(
    enum kernel_swap_method method); /* "memory.reclaim", "pageout" */

/* Where the knowledge of its active memory comes from. */
enum kernel_swap_source {
    KERNEL_SWAP_IDLE_PAGES, /* the kernel's idle page tracking */
    KERNEL_SWAP_LOOK,       /* pages put out to see when they come back */
    KERNEL_SWAP_UNSAMPLED,
    KERNEL_SWAP_SOURCE_MAX,
};
const char *kernel_swap_source_name(
    enum kernel_swap_source source); /* "idle-pages", "pageout", "none" */

struct kernel_swap_view {
    enum kernel_swap_standing standing;
    const char *error; /* NULL; owned by the guest */
    enum kernel_swap_method method;
    const char *method_reason; /* why not the better one; NULL */
    enum kernel_swap_source source;
    const char *cgroup;                       /* path; NULL: none of its own */
    uint64_t swapped;                         /* bytes of guest RAM */
    uint64_t zswapped;                        /* of these, in zswap, as far as can be told */
    uint64_t allowed;                         /* ALLOWED_ANY */
    uint64_t promised;                        /* swap space */
    double out_rate, in_rate;                 /* bytes per second, over the last second or so */
    uint64_t out, in;                         /* bytes so far */
    double reclaim_speed;                     /* bytes per second while reclaiming; 0: never did */
    uint64_t sample_windows, active_permille; /* UINT64_MAX: none yet */
    usec_t sampling_cpu;
};

/* False: nothing is to be shown. */
bool kernel_swap_view(const struct guest *guest, struct kernel_swap_view *ret);
