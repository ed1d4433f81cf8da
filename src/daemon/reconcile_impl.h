/* SPDX-License-Identifier: Apache-2.0 */
/* What reconcile.c (the host, decisions) and reconcile_guest.c (the guests) share. */
#pragma once

#include "daemon/admission.h"
#include "daemon/blocking.h"
#include "daemon/kernel_swap.h"
#include "daemon/pagers.h"
#include "daemon/reconcile.h"
#include "vmm/discovery.h"

struct reconcile {
    const struct config *config;
    const char *host_root;
    struct recorder *recorder;
    struct policy *policy;
    struct guests *guests;
    struct orders *orders;
    struct pagers *pagers;
    struct blocking *blocking;
    struct swap_pool *swap_pool;
    struct kernel_swap *kernel_swap;
    struct admission *admission;
    struct sharing *sharing;
    struct discovery *discovery;
    guint poll_timer, decide_timer, soon; /* source ids; soon: 0 where no decision is asked for */
    guint look; /* the same of the next look at memory; 0: with the poll */
    usec_t look_at;
    struct host_observation host; /* as last seen */
    bool host_blind;              /* its memory can't be read just now */
    bool closing;                 /* nothing is decided any more */
    bool empty_balloons;          /* reconcile_end() */
    GSourceFunc done;
    void *done_data;

    usec_t decided;
    enum host_state state;
    usec_t state_usec[HOST_STATE_MAX];
    struct overcommit overcommit;
    uint64_t decisions;
    double decision_seconds;
    uint64_t gone_inflated, gone_deflated; /* by guests that have ended */
};

static inline usec_t now_usec(void)
{
    return (usec_t)g_get_monotonic_time();
}

/* Decides as soon as DECISION_GAP_MSEC allow it. */
void reconcile_ask_for_decision(struct reconcile *r);

/* An event of the guest, or of the host where it is NULL; takes @text. Logged too. */
void reconcile_record(struct reconcile *r, enum event_kind kind, const struct guest *guest,
                      char *text);

/* The callback for discovery. */
void reconcile_on_vmm_event(struct vmm_guest *vmm, enum vmm_event event, void *data);

/* Hands what the guest's facts say now to the policy, of which the guest is a part. @partial: only
 * memory was looked at. */
void reconcile_observe(struct reconcile *r, struct guest *guest, bool partial);

/* reconcile_look.c: what was seen, of all or of this one guest, may call for a look at memory
 * before the next poll. */
void reconcile_look_again(struct reconcile *r, const struct guest *guest);

void reconcile_look_at_host(struct reconcile *r);

/* What the guest's pager has to say, or that it is (not) blocked any more, which came between two
 * looks at the guest. */
void reconcile_on_guest(struct guest *guest, void *data);

/* Settings in force have changed. */
void reconcile_configure_guest(struct reconcile *r, struct guest *guest);

/* Records what the policy has found out about a guest since the last decision. */
void reconcile_note_changes(struct reconcile *r, struct guest *guest);

/* --- reconcile_admit.c --- */

/* May the host put the guest's pages out, by what the operator says? */
bool reconcile_swaps(const struct reconcile *r, const struct settings *s);

/* The call for the pagers' admission; @data is the struct. */
bool reconcile_tell_host(struct admit_host *ret, const struct guest *except, void *data);

/* The callback for admission. */
void reconcile_ticket_expired(const char *name, void *data);

/* A guest is about to take part: with a ticket, or without one? Changes its settings. */
void reconcile_redeem(struct reconcile *r, struct guest *guest);

/* ...and takes part now: says whether it was admitted. */
void reconcile_judge_guest(struct reconcile *r, const struct guest *guest);
