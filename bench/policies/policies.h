/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All policies that bench-policies compares, by one interface (sim/manager.h): Aerostat's, the
 * peers', no manager, and an oracle.
 *
 * The peers are re-implementations from a description of their rules (constants, periods,
 * averages, clamps, order), not their code; tests/policies holds each to vectors that the originals
 * gave. Each peer_NAME.c has the pure rules first and then what feeds them and acts for them here.
 * What all of them leave out is what a KVM host has not: Xen's hard cap of a domain (squeezed) and
 * its privileged domain (qmemman).
 */
#pragma once

#include <stdint.h>

#include "sim/manager.h"

/* What every policy here but Aerostat's takes as its configuration. */
struct policies_config {
    uint32_t seed; /* of what is random in the original */
    /* Of the oracle: the specs of the guests, by their numbers. */
    const struct sim_guest_spec *specs;
    unsigned n;
};

extern const struct manager_ops PEER_STATIC, PEER_MOM, PEER_MOM_VDSM, PEER_PROXMOX, PEER_SQUEEZED,
    PEER_QMEMMAN, PEER_BALLOOND, ORACLE;

/* In the order in which tables show them: Aerostat first, the oracle last. NULL-ended. */
extern const struct manager_ops *const POLICIES[];

/* NULL: there is none of that name. */
const struct manager_ops *policies_find(const char *name);
