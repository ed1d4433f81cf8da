/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guests the daemon knows, by key. A guest's key is its name; where two have one name, the one
 * that came second is NAME@PID for as long as it lives. A socket behind which no guest has shown
 * itself yet is listed too, but gives way to a guest that claims its key.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "core/policy.h"
#include "daemon/settings.h"
#include "vmm/vmm.h"

/* Bytes of a guest's name that are used; what follows is cut off. */
#define GUEST_NAME_MAX 255

/* Did it come through `aerostat admit`? */
enum admitted {
    ADMITTED_UNKNOWN, /* it was there before this daemon */
    ADMITTED_YES,
    ADMITTED_NOT,
};

struct guest {
    char *key;
    struct vmm_guest *vmm;         /* borrowed: ends with VMM_EVENT_GONE */
    struct policy_guest *policy;   /* NULL until size and residency are known */
    struct pager *pager;           /* NULL: has none; pagers.h */
    struct hold *hold;             /* NULL: was never blocked; blocking.h */
    struct kswap *kswap;           /* NULL: has none; kernel_swap.h */
    struct sharing_guest *sharing; /* NULL: not known well enough; sharing.h */
    struct settings patched;       /* given over the API */
    enum admitted admitted;
    bool ready;                  /* has told its name */
    bool doubled;                /* another guest had the name first */
    bool second_monitor;         /* of a process whose guest takes part already */
    bool sending;                /* an order is on its way to it */
    usec_t pause, paused_until;  /* after an order that failed; 0: none */
    uint64_t size;               /* at the last look; settings depend on it */
    uint64_t inflated, deflated; /* bytes by which its balloon has moved since it was adopted */
    uint64_t actual;             /* guest-visible size at the last look */
    usec_t block_recorded;       /* when blocking it was last recorded as a decision; 0: never */
    unsigned blocks_unrecorded;  /* slices since then */
    /* What was last reported as an event: */
    enum vmm_link link;
    enum stats_trust trust;
    enum balloon_driver driver;
    enum reason observed_reason; /* observe mode: the last decision */
    enum reason allowed_reason;  /* of what it was last allowed to occupy */
    uint64_t observed_to;
};

struct guests;

/* A name that comes from outside, as it is used here: cut to GUEST_NAME_MAX, without control
 * characters. Owned by the caller. */
char *guests_usable_name(const char *name);

struct guests *guests_new(void);
void guests_free(struct guests *guests);

/* A guest not yet known by a key of its own. */
struct guest *guests_add(struct guests *guests, struct vmm_guest *vmm);

/* The guest has told its name: gives it its key. */
void guests_name(struct guests *guests, struct guest *guest);

/* Forgets and frees it; its policy guest must be gone before. */
void guests_remove(struct guests *guests, struct guest *guest);

struct guest *guests_find(const struct guests *guests, const char *key);
guint guests_count(const struct guests *guests);
struct guest *guests_at(const struct guests *guests, guint i); /* in no particular order */

/* Sorted by key; owned by the caller, its members are not. */
GPtrArray *guests_sorted(const struct guests *guests);
