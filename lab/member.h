/* SPDX-License-Identifier: Apache-2.0 */
/* One guest of a run: its VM, its guest program, and where it is in its list of phases. */
#pragma once

#include "lab/agent.h"
#include "lab/liar.h"
#include "lab/vm.h"
#include "scenario/record.h"

/* How long a guest may take from QEMU's start to the guest program's first report. */
#define MEMBER_BOOT_SECONDS 120

enum member_state {
    MEMBER_WAITING,
    MEMBER_BOOTING,
    MEMBER_READY,
    MEMBER_ENDED
};

struct member {
    const struct scenario_guest *spec;
    enum member_state state;
    struct lab_vm *vm;
    struct agent *agent;
    struct liar *liar;       /* NULL: an honest guest */
    char *monitor;           /* path of the lab's own monitor */
    char *spare;             /* of one that nobody uses */
    struct pagerview *pager; /* NULL: the run has no pagers */
    gint64 booted;           /* g_get_monotonic_time() of QEMU's start */
    unsigned next_phase;
    unsigned refused;            /* the phase that the daemon refuses, from 1; 0: none */
    struct agent_report sampled; /* the newest report of a sample, and what was drawn from it */
    uint64_t sampled_granted;
    double rate;
    bool starving;
};

void member_init(struct member *m, const struct scenario_guest *spec);
void member_deinit(struct member *m);

/* Where a run keeps its guests. */
struct member_places {
    const char *sockets;   /* what the daemon watches */
    const char *directory; /* everything else */
    const char *memory;    /* of the pagers; NULL: there are none */
    bool keep_logs;
};

/* Starts QEMU. */
bool member_boot(struct member *m, const struct member_places *places, GError **error);

/* Takes notice of what has happened to it; @outcome is updated. False where it does not boot. */
bool member_check(struct member *m, struct guest_outcome *outcome, GError **error);

/* One phase of the list (an order or an act). False: not now, try again; @error: it can't be done.
 */
bool member_perform(struct member *m, const struct phase *phase, struct guest_outcome *outcome,
                    GError **error);

/* The next phase that is due at @t, or NULL. */
const struct phase *member_due(const struct member *m, double t);

/* The size that it sees, by the lab's own monitor: where no daemon says it. */
void member_look_granted(const struct member *m, struct guest_sample *sample);

/* What the lab knows by itself; the daemon's view is in @sample already (apiview.h). */
void member_sample(struct member *m, struct guest_sample *sample);
