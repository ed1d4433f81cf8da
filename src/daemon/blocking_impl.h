/* SPDX-License-Identifier: Apache-2.0 */
/* One guest's holds, for the files that share them: blocking.c (who is held, and all of them
 * together) and blocking_end.c (how each is let go on). */
#pragma once

#include "daemon/blocking.h"
#include "daemon/guardian.h"
#include "daemon/hold_record.h"

enum phase {
    FREE,
    STOPPING, /* the stop is on its way */
    HELD,
    GOING, /* is to go on */
};

struct hold {
    struct blocking *all;
    struct guest *guest; /* NULL: has ended */
    int refs;            /* by its guest, and by orders under way */
    enum phase phase;
    bool over;                  /* STOPPING: the slice is */
    bool asked;                 /* GOING: the order is under way */
    bool stood;                 /* it was seen to stand still */
    struct hold_record *record; /* NULL while FREE */
    guint timer;                /* source id: the end of the slice, or the next try */
    unsigned tries;             /* that failed, of the present cont */
    usec_t since;               /* meaningless while FREE */
    usec_t total;               /* without the present one */
    uint64_t times;
    usec_t pause, paused_until; /* after a stop that failed; 0: none */
    /* The present series of slices: */
    guint series_timer; /* source id; 0: none */
    usec_t series_began, series_total;
    uint64_t series_times;
};

struct blocking {
    char *directory;
    const char *host_root;
    const struct blocking_calls *calls;
    void *data;
    struct guardian *guardian;
    GPtrArray *left; /* struct hold_record: of a daemon before, or of guests out of sight */
    GPtrArray *held; /* struct hold that are not FREE */
    bool unseen;     /* of these, some are still to be seen to by a guardian */
    guint sweep;     /* source id; 0: none is left */
    bool unusable;   /* said already: nobody can be held */
    guint wait;      /* blocking_end(); source id */
    bool ending;
    GSourceFunc done;
    void *done_data;
};

static inline usec_t blocking_now(void)
{
    return (usec_t)g_get_monotonic_time();
}

/* An event of its guest; takes @text. */
void hold_say(struct hold *h, char *text);

void hold_unref(struct hold *h);

/* --- blocking_end.c --- */

/* Lets it go on, and tries until it does. */
void hold_let_go(struct hold *h);

/* Nobody owes it anything any more. @counts: it may have stood still. */
void hold_finish(struct hold *h, bool counts);

/* blocking_end() need not wait any longer. */
gboolean blocking_wait_over(void *blocking);
