/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the host looks for identical pages (KSM), and whose. Pure, as the policy is: what was
 * seen and `now` go in, what to set comes out with its reason. See share.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hoststate.h"
#include "core/units.h"

struct share_params {
    double cpu_max;        /* (0, 1]: most of one processor that scanning may use */
    double cpu_rest;       /* (0, cpu_max]: in state high, where memory was looked at before */
    usec_t retry_usec;     /* after it has found nothing, another look is taken after so long... */
    usec_t retry_max_usec; /* ...doubling up to this; not while the host is short */
};

struct share_params share_params_default(void);

/* Sums since boot, and present amounts, as the kernel counts them (/sys/kernel/mm/ksm,
 * Documentation/admin-guide/mm/ksm.rst). Pages. */
struct share_observation {
    enum host_state state;
    bool allowed;      /* guests have opted in, and it is certain that nobody else is merged */
    uint64_t eligible; /* resident pages of the guests that are in, merged ones included */
    uint64_t shared;   /* pages that stand for several */
    uint64_t sharing;  /* pages saved by them */
    uint64_t zero;     /* pages saved besides: the kernel's one page of zeros stands for them */
    uint64_t unshared, volatile_pages;
    uint64_t broken; /* since boot, by writes; 0: this kernel does not say */
    uint64_t full_scans;
    uint64_t scanned; /* since boot; 0: this kernel does not say */
    usec_t cpu;       /* of ksmd, since boot */
};

enum share_reason {
    SHARE_OFF,        /* nobody has opted in, or it is not certain whom it would merge */
    SHARE_FINDING,    /* it finds pages: on, by state */
    SHARE_FIRST_LOOK, /* new memory to look at: two full scans before it is judged */
    SHARE_NEXT_LOOK,  /* it found nothing for a while, or much was written, and looks again */
    SHARE_NOTHING,    /* nothing was found: off until the next look */
    SHARE_PRESSURE,   /* the host is short: as fast as it may */
    SHARE_REASON_MAX,
};

const char *share_reason_name(enum share_reason reason);

struct share_decision {
    bool run;
    uint64_t pages_to_scan; /* per wake-up of ksmd */
    unsigned sleep_msec;    /* between wake-ups */
    enum share_reason reason;
    double rate;    /* pages/s that this is */
    uint64_t stale; /* pages that the kernel still counts as merged and that are so no more */
};

struct share;

struct share *share_new(const struct share_params *params); /* NULL: out of memory */
void share_free(struct share *s);
void share_set_params(struct share *s, const struct share_params *params);

/* About once a second, and when the host's state has changed. */
struct share_decision share_decide(struct share *s, const struct share_observation *seen,
                                   usec_t now);

/* One sentence with the figures; returns @buf. */
const char *share_text(const struct share_decision *d, const struct share_observation *seen,
                       char *buf, size_t size);

/* What merging saves, dealt out to one guest: @merged of all guests' merged pages together save
 * @sharing of @shared + @sharing. */
uint64_t share_saved(uint64_t merged, uint64_t shared, uint64_t sharing);
