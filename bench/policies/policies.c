/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policies.h"

#include <string.h>

const struct manager_ops *const POLICIES[] = {
    &MANAGER_AEROSTAT, &MANAGER_NONE, &PEER_STATIC,   &PEER_MOM, &PEER_MOM_VDSM, &PEER_PROXMOX,
    &PEER_SQUEEZED,    &PEER_QMEMMAN, &PEER_BALLOOND, &ORACLE,   NULL,
};

const struct manager_ops *policies_find(const char *name)
{
    for (size_t i = 0; POLICIES[i]; i++)
        if (strcmp(POLICIES[i]->name, name) == 0)
            return POLICIES[i];
    return NULL;
}
