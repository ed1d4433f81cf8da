/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's side of sharing: setting KSM and reading what it says. Both may wait for locks that
 * a guest's process holds, so a thread does it, one look at a time. See sharing_kernel.c.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "host/ksm.h"

struct sharing_kernel;

struct sharing_process {
    pid_t pid;
    struct ksm_process pages;
};

/* What a look has brought. */
struct sharing_look {
    int set_error; /* of setting: 0 or -errno; -EBUSY: somebody else sets it now */
    int read_error;
    bool run;     /* it runs now, by us */
    bool changed; /* settings of ours are in force, to be put back */
    bool foreign; /* it runs, and it was not us who began: nothing was set without take_over */
    struct ksm_counters counters;
    GArray *processes; /* struct sharing_process, those asked for that could be looked at */
};

/* Called from the main loop; @look is borrowed. */
typedef void (*sharing_looked_fn)(const struct sharing_look *look, void *data);

/* Puts back what a daemon that was killed has left. */
struct sharing_kernel *sharing_kernel_new(const char *host_root, const char *record,
                                          sharing_looked_fn looked, void *data);

/* Puts back what was found; waits for it, but not for ever. */
void sharing_kernel_free(struct sharing_kernel *k);

/* 0, or -errno: why this kernel can't be used. */
int sharing_kernel_check(const struct sharing_kernel *k);

struct sharing_order {
    bool set;       /* @pace; else what was found is put back... */
    bool unmerge;   /* ...and what was merged is unmerged before: nobody is in any more */
    bool take_over; /* also where somebody else has switched it on */
    struct ksm_pace pace;
};

/*
 * Sets or puts back, then reads everything, of processes @pids (elements pid_t; takes it). Not
 * while the result of another look is still to come.
 */
void sharing_kernel_look(struct sharing_kernel *k, const struct sharing_order *order, GArray *pids);
