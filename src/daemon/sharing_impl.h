/* SPDX-License-Identifier: Apache-2.0 */
/* What sharing.c (kernel and pace), sharing_guest.c (who is in) and sharing_view.c share. */
#pragma once

#include "daemon/sharing.h"
#include "daemon/sharing_kernel.h"

/* What a guest's VMM was last told, and has confirmed. */
enum sharing_told {
    TOLD_NOTHING, /* or it is not known whether it holds */
    TOLD_NOT_MERGEABLE,
    TOLD_MERGEABLE,
};

struct sharing_guest {
    struct sharing *all;
    struct guest *guest;
    char domain[SHARE_DOMAIN_MAX + 1]; /* "": not opted in */
    enum sharing_told told;
    bool telling;           /* an order is on its way */
    enum sharing_told wish; /* what that is, or the last one was */
    guint backends;         /* the VMM's back ends as they were when it was told */
    gint64 retry;           /* after an order that failed; 0: none */
    char *error;            /* of the last order; NULL: none */
    enum sharing_standing standing;
    char *why; /* of standing REFUSED */
    struct ksm_process pages;
};

struct sharing {
    const struct config *config;
    struct guests *guests;
    const struct sharing_calls *calls;
    void *data;
    struct share *share;
    struct sharing_kernel *kernel;
    int unsupported; /* 0 or -errno */
    guint tick;      /* source id */

    enum host_state state;
    char domain[SHARE_DOMAIN_MAX + 1]; /* being shared; "": none */
    bool opted_in;                     /* some guest has, whether it can be in or not */
    bool usable;                       /* it is ours to set on this host */
    char *blocker;                     /* NULL: none */
    char *said;                        /* what was last recorded of the host */

    /* The kernel: */
    bool looking;
    bool looked;      /* since somebody can be in: what follows is known */
    bool changed;     /* settings of ours are in force */
    bool foreign;     /* somebody else has switched it on */
    bool lost;        /* somebody else has changed what we had set */
    int set_error;    /* 0 or -errno */
    gint64 set_retry; /* after an error */
    bool running;     /* by us, at the last look */
    struct share_decision decision;
    struct share_observation seen;
    double cpu; /* of one processor */
    gint64 looked_at;
};

static inline bool sharing_is_in(const struct sharing *s, const struct sharing_guest *g)
{
    return *s->domain && g_strcmp0(s->domain, g->domain) == 0;
}

/* --- sharing_guest.c --- */

/* Chooses the domain, tells guests what is to be told, and says what is in the way (blocker). True
 * where it is certain that only guests of the domain are merged, and there are some. */
bool sharing_settle(struct sharing *s);

/* Resident pages of the guests that are in. */
uint64_t sharing_eligible(const struct sharing *s);
