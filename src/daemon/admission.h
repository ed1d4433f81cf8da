/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that were admitted and did not come yet: what they were promised is kept for them for a
 * while. Who comes with a ticket of its name gets it. See reconcile_admit.c for what fits.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "core/admit.h"
#include "core/units.h"
#include "vmm/vmm.h"

/* Tickets at a time; further guests are refused until one is redeemed or has expired. */
#define ADMISSION_TICKETS_MAX 256

struct ticket {
    struct admit_request request;
    bool reservation_given; /* with the request; else the configuration's */
    enum vmm_ram ram;       /* MEMFD or PRIVATE */
};

struct admission;

/* @expired is called for each ticket that nobody has redeemed in time. */
struct admission *admission_new(void (*expired)(const char *name, void *data), void *data);
void admission_free(struct admission *a);

/* In place of an older one of that name; false: there are too many. */
bool admission_keep(struct admission *a, const char *name, const struct ticket *ticket,
                    usec_t hold);

/* Takes the ticket of that name out; false: there is none. */
bool admission_redeem(struct admission *a, const char *name, struct ticket *ret);

struct admission_promised {
    uint64_t reserved, overhead;
    uint64_t swap_memfd, swap_private; /* by kind of RAM */
};

/* What all tickets but that of @except (NULL: none) promise. */
void admission_promised(const struct admission *a, const char *except,
                        struct admission_promised *ret);
