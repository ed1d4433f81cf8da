/* SPDX-License-Identifier: Apache-2.0 */
/* What every kind of guest begins with. For the files of this directory only. */
#pragma once

#include "vmm/vmm.h"

struct vmm_guest {
    const struct vmm_ops *ops;
    struct vmm_facts facts; /* strings belong to the kind's own struct */
    vmm_event_fn event;
    void *event_data;
    void *owner;
};

void vmm_guest_emit(struct vmm_guest *guest, enum vmm_event event);

/* Closes the connection; commands under way fail. Leaves the guest itself alone. */
void vmm_guest_free(struct vmm_guest *guest);
