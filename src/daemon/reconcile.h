/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where policy, guests and host meet: what the VMMs say becomes observations, the policy decides,
 * and its decisions become orders to the VMMs. See reconcile.c.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#include "core/admit.h"
#include "daemon/config.h"
#include "daemon/guests.h"
#include "daemon/orders.h"
#include "daemon/overcommit.h"
#include "daemon/recorder.h"
#include "daemon/sharing.h"
#include "daemon/swap_pool.h"

struct reconcile;

/* What all pagers together have put out, and what moves. */
struct pager_totals {
    guint serving;                      /* how many serve their guests */
    uint64_t zero, compressed, swapped; /* bytes of guest RAM */
    uint64_t cache, own;      /* bytes that the caches occupy; and the pagers with their maps */
    double out_rate, in_rate; /* bytes of guest RAM per second */
};

/* The host as it is shown. */
struct host_status {
    struct host_view policy;
    struct overcommit overcommit;
    usec_t state_usec[HOST_STATE_MAX]; /* time spent in each state */
    uint64_t overhead;                 /* bytes of the VMM processes that are no guest RAM */
    uint64_t inflated, deflated; /* bytes by which balloons moved, guests that ended included */
    guint guests, guests_up;
    uint64_t decisions;      /* how often the policy has decided */
    double decision_seconds; /* that the last one took */
    struct orders_counters orders;
    struct pager_totals pagers;
    struct swap_pool_view swap_pool;
    guint blocked; /* guests that are held now */
    struct sharing_view sharing;
};

/*
 * Begins to watch and, in mode manage, to act. @config and @recorder are borrowed: @config until
 * the next reconcile_configure, @host_root ("" on a real host) and @recorder for good. NULL and
 * @error where the host's memory can't be told.
 */
struct reconcile *reconcile_new(const struct config *config, const char *host_root,
                                struct recorder *recorder, GError **error);

/* Stops watching. Balloons stay as they are. */
void reconcile_free(struct reconcile *r);

/* False and @error where the host's memory can't be told with @config; then nothing has changed. */
bool reconcile_configure(struct reconcile *r, const struct config *config, GError **error);

struct guests *reconcile_guests(const struct reconcile *r);
void reconcile_host(const struct reconcile *r, struct host_status *ret);

/* A PATCH body of the API (settings.h) for one guest, all or nothing; decided upon at once. */
bool reconcile_patch(struct reconcile *r, struct guest *guest, struct json_object *body,
                     GError **error);

/* The operator wants the guest's balloon empty. False where the guest is not known well enough yet.
 */
bool reconcile_release(struct reconcile *r, struct guest *guest);

/* A guest that is to come. */
struct admission_wish {
    const char *name; /* NULL: nothing is kept for it */
    uint64_t size, reservation;
    bool reservation_given; /* else as the configuration has it for that name */
    enum vmm_ram ram;       /* MEMFD or PRIVATE */
};

struct admission_answer {
    enum admit_verdict verdict;
    char text[640]; /* one sentence */
    usec_t hold;    /* its place is kept for so long; 0: it is not */
};

/* False and @error where it can't be told now. */
bool reconcile_admit(struct reconcile *r, const struct admission_wish *wish,
                     struct admission_answer *ret, GError **error);

/* Ends deciding, lets go on who is blocked and, with @empty_balloons, sends every guest its full
 * size; then calls @done (orders.h). */
void reconcile_end(struct reconcile *r, bool empty_balloons, GSourceFunc done, void *data);
