/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest with private memory, for the files that share it: kernel_swap.c (who is one, and what
 * it may occupy), kernel_swap_host.c (what guests share), kernel_swap_cgroup.c, kernel_swap_job.c
 * (what is done in threads), kernel_swap_sample.c (what of its memory is in use),
 * kernel_swap_figures.c (what it says of itself).
 */
#pragma once

#include "daemon/kernel_swap.h"
#include "host/cgroup.h"
#include "host/knob.h"
#include "host/pageout_choose.h"
#include "pager/map.h"

/* One reclaim job: so much at most, so that figures and other guests do not wait long. */
#define RECLAIM_ROUND (64 * MIB)

/* Jobs under way, of all guests together. */
#define JOBS_MAX 3

enum job_kind {
    JOB_RECLAIM,
    JOB_SAMPLE,
};

/* What a major fault costs where it was not measured yet, usec: a disk's. */
#define FAULT_COST 100

struct sampling; /* kernel_swap_sample.c */

/* What sampling says; windows 0: nothing yet. */
struct kswap_activity {
    uint64_t windows;
    unsigned permille, current_permille;
    usec_t cpu; /* spent on it */
};

/* What was counted, and when; rates are taken from two of these. */
struct kswap_totals {
    usec_t at;
    uint64_t out, in; /* bytes so far */
};

struct kswap {
    struct kernel_swap *all; /* NULL: has ended */
    int refs;                /* by the table of all, and by the job under way */
    struct guest *guest;     /* NULL: not known any more */
    struct pageout process;  /* opened once, for good */
    struct cgroup *cgroup;   /* NULL: PAGEOUT. Left alone by all others while a job is under way */
    const char *no_cgroup;   /* why there is none, or it is not used */
    usec_t cgroup_at;        /* when to look for it again */
    bool reclaim_missing;    /* this kernel can't reclaim from it */
    pid_t pid;

    struct kernel_swap_wish wish;
    enum kernel_swap_standing standing;
    char *error; /* why it is refused, waits, or puts nothing out now; NULL */
    uint64_t size, promised, entitled;

    /* At the last look: */
    bool looked;
    usec_t looked_at;
    struct pageout_figures seen;
    uint64_t swapped_now; /* of the whole process, also in the midst of a job */
    usec_t grown_at;      /* growth is measured from here... */
    uint64_t grown_from;  /* ...where so much was anonymous */
    double growth;        /* bytes per second, since the look before */
    uint64_t other_anon;  /* of its process: no guest RAM */
    uint64_t cache;       /* host memory that what it has in zswap occupies */
    uint64_t zswapped;    /* bytes of it in zswap, as far as can be told */
    bool cache_known;     /* by its cgroup, not dealt out */
    usec_t pressure;      /* PSI of its cgroup; USEC_NEVER */

    uint64_t allowed;
    bool job; /* one is under way; the two below are its thread's meanwhile */
    struct pageout_choice choice;
    struct sampling *sampling;      /* NULL: nothing is sampled */
    struct kswap_activity activity; /* what it said last */
    usec_t sample_at;               /* the next look at samples */

    unsigned failures;   /* jobs in a row that freed next to nothing */
    usec_t paused_until; /* after these */

    struct kswap_totals total, before;
    double out_rate, in_rate;
    double speed;      /* bytes per second while reclaiming */
    double fault_cost; /* usec that bringing a page back takes; 0: not measured */
    usec_t waited;     /* for pages, so far, estimated */
};

struct kernel_swap {
    const struct config *config;
    const char *host_root;
    struct swap_pool *pool;
    const struct kernel_swap_calls *calls;
    void *data;
    struct knobs *knobs;
    bool read_ahead_off; /* by us, or tried */
    GPtrArray *guests;   /* struct kswap */
    guint next;          /* of these, to be looked at first for a job */
    guint running;       /* jobs */
    guint tick;          /* source id */
    guint close_tick;    /* the same; 0: nobody is close to what it may occupy */
    uint64_t needed;     /* of the pool, as last asked for */
    bool frees_at_once;  /* swap_pool_frees_at_once() */
    uint64_t zswap_left; /* bytes of zswap's pool that are no guest's */
    uint64_t swap_cache; /* bytes of what guests have out that memory still has a copy of */
};

static inline usec_t kswap_now(void)
{
    return (usec_t)g_get_monotonic_time();
}

struct kswap *kswap_ref(struct kswap *k);
void kswap_unref(struct kswap *k);

/* It can't be done for this guest. */
void kswap_refuse(struct kswap *k, const char *error);

/* An event of its guest; takes @text. */
void kswap_record(struct kswap *k, char *text);
void kswap_set_error(struct kswap *k, const char *text);

/* Begins what is due, as far as JOBS_MAX lets it. */
void kswap_pump(struct kernel_swap *all);

void kswap_set_standing(struct kswap *k, enum kernel_swap_standing standing, const char *error);

/* kernel_swap_cgroup.c */
void kswap_find_cgroup(struct kswap *k);
void kswap_look_at_cgroup(struct kswap *k);
void kswap_limit_cgroup(struct kswap *k);

/* kernel_swap_host.c */
struct knobs *kswap_knobs(const struct config *config, const char *host_root);

/* Who is to have host swap, and for whom there is space. */
void kswap_settle(struct kernel_swap *all);
void kswap_share_out_zswap(struct kernel_swap *all);

/* kernel_swap_figures.c */

/* Looks at its process; false: it has ended. */
bool kswap_look(struct kswap *k);

/* Bytes of guest RAM in host memory, and in swap space. */
uint64_t kswap_resident(const struct kswap *k);
uint64_t kswap_swapped(const struct kswap *k);

/* What it is charged for: a merged page in parts, and what is compressed of it. */
uint64_t kswap_holds(const struct kswap *k);

/* Bytes by which that is more than it may be. */
uint64_t kswap_excess(const struct kswap *k);

/* A look at its process: @put_out bytes were put out by us since the last one. */
void kswap_account(struct kswap *k, const struct pageout_figures *seen, uint64_t put_out);

/* kernel_swap_job.c: in a thread; the answer comes in the main loop. */
void kswap_job_start(struct kswap *k, enum job_kind kind);

/* kernel_swap_sample.c. What may block is for the job's thread, with nothing else of it meanwhile.
 */
struct sampling *sampling_new(const char *host_root);
void sampling_free(struct sampling *s);
enum kernel_swap_source sampling_source(const struct sampling *s);

/* @pages in each @window; takes effect with the next look. */
void sampling_configure(struct sampling *s, unsigned pages, usec_t window);

/* Looks at the samples and takes new ones where that is due. @resident: bytes; @cached: swap space
 * keeps copies in memory, which samples are not to occupy for long. 0 or -errno, as
 * pageout_look() and pageout_ask(). Blocks. */
int sampling_look(struct sampling *s, const struct pageout *process, struct pageout_choice *choice,
                  uint64_t resident, bool cached, struct kswap_activity *ret);
