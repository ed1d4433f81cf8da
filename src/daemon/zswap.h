/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's zswap: what is swapped is compressed in memory first. Switched on while guests with
 * private memory need swap space, switched off again where it does not pay. See zswap.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/units.h"
#include "host/meminfo.h"

struct zswap;

/* @record: file for what was found (host/knob.h). @host_root is borrowed. */
struct zswap *zswap_new(const char *host_root, const char *record);

/* Puts back what was found. */
void zswap_free(struct zswap *z);

struct zswap_wish {
    bool allowed;      /* by the configuration */
    bool wanted;       /* somebody swaps */
    uint64_t capacity; /* bytes that guests may occupy */
};

/* Again and again, about once a second. True: it was switched on or off; zswap_reason says why. */
bool zswap_see(struct zswap *z, const struct zswap_wish *wish, const struct meminfo *mem,
               usec_t now);

bool zswap_is_on(const struct zswap *z); /* by whomever */

/* One sentence; owned by @z, until the next zswap_see. */
const char *zswap_reason(const struct zswap *z);
